import { dirname, resolve } from 'node:path';
import { type Definitions, refuseImages, toDefinitions } from '../apps/definition.ts';
import { readDefinitionFiles } from '../apps/definition-files.ts';
import { type GitFacts, gitFacts } from '../apps/git.ts';
import { type RenderedDefinitions, renderDefinitions } from '../apps/render-definitions.ts';
import { DevclusterError } from '../support/errors.ts';
import { type CommandContext, textOption } from './spec.ts';

/** What definitions are read for. */
export interface DefinitionUse {
  paths: readonly string[];
  /** Members of `cluster` in templates. */
  cluster: Readonly<Record<string, unknown>>;
  /** Whether tasks can be containers. */
  containers: boolean;
  /** Whether `{{image}}` is built, or only named. */
  build: boolean;
  /** Whether apps are labelled with the commit. */
  label: boolean;
  plainSecret?: (name: string) => Promise<string>;
}

export interface ReadDefinitions {
  definitions: RenderedDefinitions[];
  /** Images that were built for them. */
  images: string[];
}

/**
 * Reads definitions and fills them in; what can't run there is refused before anything is built.
 * @throws DevclusterError usage with the place of a mistake; missing / NO_CONTAINERS
 */
export async function readDefinitions(context: CommandContext, use: DefinitionUse): Promise<ReadDefinitions> {
  const files = await readDefinitionFiles(use.paths);
  const raw = files.map(({ path, document }) => toDefinitions(path, document));
  if (!use.containers) refuseImages(raw);
  refuseEmpty(raw);
  const images = new Set<string>();
  const git = remember((folder) => gitFacts(folder));
  const image = async (file: string): Promise<string> => {
    const facts = await git(dirname(resolve(context.cwd, file)));
    const name = await imageFor(context, resolve(context.cwd, file), facts, use.build);
    images.add(name);
    return name;
  };
  const definitions: RenderedDefinitions[] = [];
  // One after the other: images are built once, and their output is readable.
  for (const file of files)
    definitions.push(
      await renderDefinitions(file, {
        values: { cluster: use.cluster, env: context.env },
        lazy: { git: (path) => git(dirname(resolve(context.cwd, path))), image },
        source: async (folder) => (use.label ? git(resolve(context.cwd, folder)).catch(() => undefined) : undefined),
        now: new Date(),
        ...(use.plainSecret ? { plainSecret: use.plainSecret } : {}),
      }),
    );
  return { definitions, images: [...images] };
}

async function imageFor(context: CommandContext, file: string, git: GitFacts, build: boolean): Promise<string> {
  const { buildImage, findDockerfile, imageName } = await import('../apps/image.ts');
  const folder = findDockerfile(file, git.root);
  if (!folder)
    throw new DevclusterError('usage', 'NO_DOCKERFILE', `${file} names {{image}}, but there is no Dockerfile`, {
      hint: `Put one beside it, or above it up to ${git.root}; or name an image that exists.`,
    });
  const name = imageName(git, textOption(context, 'image'));
  if (!build) return name;
  const [step] = context.progress.steps([`image ${name}`]);
  try {
    const built = await buildImage(name, folder, { signal: context.signal, onLine: (line) => step?.update(line) });
    step?.done(built ? 'built' : 'is there already');
  } catch (error) {
    step?.fail();
    throw error;
  }
  return name;
}

function refuseEmpty(definitions: readonly Definitions[]): void {
  const empty = definitions.find(({ apps, groups }) => apps.length + groups.length === 0);
  if (!empty) return;
  throw new DevclusterError('usage', 'NO_DEFINITIONS', `${empty.source} defines no app`, {
    hint: 'The smallest definition is {"id": "/my-app", "cmd": "sleep 1000"}.',
  });
}

/** Asks once for each key. */
function remember<T>(find: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const known = new Map<string, Promise<T>>();
  return (key) => {
    const found = known.get(key) ?? find(key);
    known.set(key, found);
    return found;
  };
}
