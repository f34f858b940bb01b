import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { AppInput, GroupInput } from '../clients/marathon.ts';
import { DevclusterError, messageOf, systemCode } from '../support/errors.ts';
import { type Json, renderStrings } from './template.ts';

/** What a file holds: apps (one or a list) or a group. */
export interface Definitions {
  source: string;
  apps: AppInput[];
  groups: GroupInput[];
}

const extensions = new Set(['.json', '.yml', '.yaml']);

/**
 * Reads app definitions as Marathon takes them, from files and folders (their .json, .yml and .yaml files, by name).
 * @param values what handlebars in string values can name
 * @throws DevclusterError usage: no such file, not JSON or YAML, neither app nor group
 */
export async function readDefinitions(
  paths: readonly string[],
  values: Readonly<Record<string, unknown>>,
): Promise<Definitions[]> {
  const files = (await Promise.all(paths.map(filesOf))).flat();
  return Promise.all(
    files.map(async (file) => toDefinitions(file, renderStrings(await parseFile(file), values, file))),
  );
}

async function filesOf(path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = (await readdir(path)).filter((name) => extensions.has(extname(name))).sort();
    if (names.length === 0)
      throw new DevclusterError('usage', 'NO_DEFINITIONS', `The folder ${path} holds no .json, .yml or .yaml file`, {
        hint: 'Name a file with a Marathon app definition.',
      });
    return names.map((name) => join(path, name));
  } catch (error) {
    if (error instanceof DevclusterError) throw error;
    const why = systemCode(error) === 'ENOENT' ? 'there is no such file or folder' : messageOf(error);
    throw new DevclusterError('usage', 'FILE_NOT_READABLE', `Can't read ${path}: ${why}`, {
      cause: error,
      hint: 'Give the path of a Marathon app definition.',
    });
  }
}

async function parseFile(file: string): Promise<Json> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new DevclusterError('usage', 'FILE_NOT_READABLE', `Can't read ${file}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const yaml = ['.yml', '.yaml'].includes(extname(file));
  try {
    if (!yaml) return JSON.parse(text) as Json;
    const { parse } = await import('yaml');
    return parse(text) as Json;
  } catch (error) {
    throw new DevclusterError(
      'usage',
      'NOT_A_DEFINITION',
      `${file} is not ${yaml ? 'YAML' : 'JSON'}: ${messageOf(error)}${yaml ? '' : lineOf(text, messageOf(error))}`,
      {
        hint: 'Correct the syntax; `devcluster deploy` takes Marathon app definitions in JSON or YAML.',
        cause: error,
      },
    );
  }
}

/** V8 names a position; people count lines. */
function lineOf(text: string, message: string): string {
  const position = Number(/position (\d+)/.exec(message)?.[1] ?? Number.NaN);
  if (Number.isNaN(position) || /\(line \d+/.test(message)) return '';
  const before = text.slice(0, position).split('\n');
  return ` (line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1})`;
}

/** @throws DevclusterError usage when the document is neither an app, a list of apps nor a group */
export function toDefinitions(source: string, document: Json): Definitions {
  const list = Array.isArray(document) ? (document as readonly Json[]) : [document];
  const apps: AppInput[] = [];
  const groups: GroupInput[] = [];
  for (const [i, entry] of list.entries()) {
    const place = list.length > 1 ? `${source}, entry ${i + 1}` : source;
    if (
      entry === null ||
      typeof entry !== 'object' ||
      Array.isArray(entry) ||
      typeof (entry as { id?: Json }).id !== 'string'
    )
      throw new DevclusterError(
        'usage',
        'NOT_A_DEFINITION',
        `${place} is no app definition: an object with an "id" is expected`,
        {
          hint: 'The smallest one is {"id": "/my-app", "cmd": "sleep 1000"}.',
        },
      );
    const definition = entry as { id: string } & Record<string, Json>;
    const absolute = { ...definition, id: definition.id.startsWith('/') ? definition.id : `/${definition.id}` };
    if ('apps' in definition || 'groups' in definition) groups.push(absolute);
    else apps.push(absolute);
  }
  return { source, apps, groups };
}

/** Ids (as written, made absolute) of all apps a group holds, transitively. */
export function appsOfGroup(group: GroupInput, base = ''): { id: string; definition: Record<string, unknown> }[] {
  const id = absolute(group.id, base);
  const apps = ((group.apps ?? []) as AppInput[]).map((app) => ({ id: absolute(app.id, id), definition: app }));
  const groups = (group.groups ?? []) as GroupInput[];
  return [...apps, ...groups.flatMap((child) => appsOfGroup(child, id))];
}

function absolute(id: string, base: string): string {
  return id.startsWith('/') ? id : `${base === '/' ? '' : base}/${id}`;
}

/** Whether the app wants an image, and so a container runtime. */
export function imageOf(definition: Record<string, unknown>): string | undefined {
  const container = definition.container as { docker?: { image?: unknown } } | undefined;
  return typeof container?.docker?.image === 'string' ? container.docker.image : undefined;
}

/**
 * Docker-image apps can't run where tasks are processes; Marathon would try for ever.
 * @throws DevclusterError missing / NO_CONTAINERS naming the apps
 */
export function refuseImages(definitions: readonly Definitions[]): void {
  const withImage = definitions
    .flatMap(({ apps, groups }) => [
      ...apps.map((app) => ({ id: app.id, definition: app as Record<string, unknown> })),
      ...groups.flatMap((group) => appsOfGroup(group)),
    ])
    .filter(({ definition }) => imageOf(definition) !== undefined)
    .map(({ id, definition }) => `${id} (${imageOf(definition)})`);
  if (withImage.length > 0)
    throw new DevclusterError(
      'missing',
      'NO_CONTAINERS',
      `This cluster runs tasks as processes and has no containers for ${withImage.join(', ')}`,
      {
        hint: 'Run the cluster in Docker (`devcluster up --runtime docker`), or deploy the app as a command.',
      },
    );
}
