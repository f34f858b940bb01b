import { dirname } from 'node:path';
import { type Definitions, toDefinitions } from './definition.ts';
import type { DefinitionFile } from './definition-files.ts';
import type { GitFacts } from './git.ts';
import { labelSource } from './labels.ts';
import { referenceSecrets } from './secret-references.ts';
import { type Json, renderStrings, wordsOf } from './template.ts';

/** What definitions can name, and where it comes from. */
export interface RenderSources {
  /** Known at once. */
  values: Readonly<Record<string, unknown>>;
  /** Found out only for files that name them by their first word; `image` means that it is built. */
  lazy: Readonly<Record<string, (file: string) => Promise<unknown>>>;
  /** The state of a folder's source, for labels; undefined where there is no repository. */
  source: (folder: string) => Promise<GitFacts | undefined>;
  /** Instead of references, a secret's value, seen by whoever sees the app. */
  plainSecret?: (name: string) => Promise<string>;
  now: Date;
}

export interface RenderedDefinitions extends Definitions {
  /** Secrets that are referred to, with the first place of each. */
  secrets: ReadonlyMap<string, string>;
}

/**
 * Definitions as Marathon takes them: handlebars filled in, secrets as references, the source's commit in labels.
 * @throws DevclusterError usage with the place of what is undefined
 */
export async function renderDefinitions(file: DefinitionFile, sources: RenderSources): Promise<RenderedDefinitions> {
  const { path } = file;
  const { document, names } = sources.plainSecret
    ? { document: file.document, names: new Map<string, string>() }
    : referenceSecrets(file.document, path);
  const words = wordsOf(document);
  const values: Record<string, unknown> = { ...sources.values };
  for (const [word, find] of Object.entries(sources.lazy)) if (words.has(word)) values[word] = await find(path);
  if (sources.plainSecret) {
    const plain: Record<string, string> = {};
    for (const name of secretNames(document)) plain[name] = await sources.plainSecret(name);
    values.secret = plain;
  }
  const known = [...Object.keys(sources.values), ...Object.keys(sources.lazy), 'secret'];
  const rendered = toDefinitions(path, renderStrings(document, values, path, known));
  const git = await sources.source(dirname(path));
  return { ...(git ? labelSource(rendered, git, sources.now) : rendered), secrets: names };
}

/** Names after `secret.` in all string values. */
function secretNames(document: Json): Set<string> {
  const text = JSON.stringify(document);
  return new Set([...text.matchAll(/\bsecret\.\[?([A-Za-z0-9_.-]+?)\]?\s*\}\}/g)].map(([, name]) => name!));
}
