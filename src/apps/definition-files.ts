import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { readYaml } from '../config/yaml.ts';
import { DevclusterError, messageOf, systemCode } from '../support/errors.ts';
import { excerpt, placeOf, type TextPlace } from '../support/excerpt.ts';
import { jsonFault } from '../support/json-fault.ts';
import type { Json } from './template.ts';

/** A file as it was written, handlebars and all. */
export interface DefinitionFile {
  path: string;
  document: Json;
}

const yamlExtensions = new Set(['.yml', '.yaml']);
const extensions = new Set(['.json', ...yamlExtensions]);
/** A folder that holds one of these holds a project, of which only they are definitions. */
const projectNames = ['marathon.json', 'marathon.yml', 'marathon.yaml'];

/**
 * Reads Marathon definitions from files and folders: of a folder marathon.json (.yml, .yaml) if it has one, else all
 * its JSON and YAML files, by name.
 * @throws DevclusterError usage: no such file; not JSON or YAML, with the place and the lines around it
 */
export async function readDefinitionFiles(paths: readonly string[]): Promise<DefinitionFile[]> {
  const files = (await Promise.all(paths.map(filesOf))).flat();
  return Promise.all(files.map(async (path) => ({ path, document: await parseFile(path) })));
}

async function filesOf(path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = (await readdir(path)).filter((name) => extensions.has(extname(name))).sort();
    const projects = names.filter((name) => projectNames.includes(name));
    if (names.length === 0)
      throw new DevclusterError('usage', 'NO_DEFINITIONS', `The folder ${path} holds no .json, .yml or .yaml file`, {
        hint: 'Name a file with a Marathon app definition.',
      });
    return (projects.length > 0 ? projects : names).map((name) => join(path, name));
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
  return yamlExtensions.has(extname(file)) ? parseYaml(text, file) : parseJson(text, file);
}

function parseJson(text: string, file: string): Json {
  const fault = jsonFault(text);
  if (fault) throw notA('JSON', file, text, placeOf(text, fault.offset), fault.what);
  return JSON.parse(text.replace(/^\ufeff/, '')) as Json;
}

function parseYaml(text: string, file: string): Json {
  const { value, errors } = readYaml(text);
  const [first] = errors;
  if (first) throw notA('YAML', file, text, first, first.message);
  return value as Json;
}

function notA(language: string, file: string, text: string, place: TextPlace, what: string): DevclusterError {
  const where = `line ${place.line}, column ${place.column}`;
  return new DevclusterError(
    'usage',
    'NOT_A_DEFINITION',
    `${file} is not ${language}, ${where}: ${what}\n${excerpt(text, place)}`,
    {
      hint: 'Correct the syntax; `devcluster deploy` takes Marathon app definitions in JSON or YAML.',
      details: { file, line: place.line, column: place.column, what },
    },
  );
}
