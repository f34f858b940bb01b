import { join, normalize } from 'node:path';
import type { CommandUri } from '../../protocols/mesos/types.ts';

/** What to do for one URI; decided before anything is done. */
export interface FetchStep {
  uri: string;
  source: { kind: 'http'; url: string } | { kind: 'file'; path: string };
  /** Where it goes, relative to the sandbox. */
  output: string;
  finish: 'nothing' | 'executable' | 'tar' | 'zip' | 'gzip';
  cache: boolean;
}

/** A URI that can't be fetched, with the reason. */
export class FetchError extends Error {}

/**
 * Plans the fetching of a URI as the real fetcher does it: the name is what follows the last slash (query included)
 * unless `output_file` says otherwise; what is made executable is not extracted; what to extract is told by the name.
 * Source: src/slave/containerizer/fetcher.cpp and src/launcher/fetcher.cpp of Apache Mesos.
 * @param frameworksHome what relative paths are relative to; empty: they are refused
 * @throws FetchError
 */
export function planFetch(uri: CommandUri, frameworksHome = ''): FetchStep {
  const value = uri.value.trim();
  if (value === '') throw new FetchError('The URI is empty');
  if (/[\\'\0]/.test(value)) throw new FetchError(`The URI '${value}' contains illegal characters`);
  const source = readSource(value, frameworksHome);
  const output =
    uri.output_file === undefined || uri.output_file === '' ? baseName(value) : checkOutput(uri.output_file);
  return { uri: value, source, output, finish: whatFollows(uri, output), cache: uri.cache === true };
}

function readSource(value: string, frameworksHome: string): FetchStep['source'] {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(value)?.[1]?.toLowerCase();
  switch (scheme) {
    case 'http':
    case 'https':
      if (!URL.canParse(value)) throw new FetchError(`Malformed URI: ${value}`);
      return { kind: 'http', url: value };
    case 'file':
    case undefined: {
      const path = value.replace(/^file:\/\/(localhost(?=\/))?/i, '');
      if (path.startsWith('/')) return { kind: 'file', path };
      if (frameworksHome === '')
        throw new FetchError(`A relative path was passed for the resource '${value}', but frameworks_home was not set`);
      return { kind: 'file', path: join(frameworksHome, path) };
    }
    default:
      throw new FetchError(
        `'${value}' can't be fetched: this agent knows http, https, file and plain paths, not '${scheme}'`,
      );
  }
}

/** What follows the last slash. @throws FetchError when that is nothing */
export function baseName(uri: string): string {
  const path = uri.replace(/^[A-Za-z][A-Za-z0-9+.-]*:\/\//, '');
  if (path !== uri && !path.includes('/')) throw new FetchError(`Malformed URI (missing path): ${uri}`);
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (name === '' || name === '.' || name === '..') throw new FetchError(`Malformed URI (missing path): ${uri}`);
  return name;
}

function checkOutput(output: string): string {
  const path = normalize(output);
  if (path.startsWith('/') || path === '..' || path.startsWith('../') || path === '.' || path.endsWith('/'))
    throw new FetchError(`The output file '${output}' must be a relative path within the sandbox`);
  return path;
}

function whatFollows(uri: CommandUri, output: string): FetchStep['finish'] {
  if (uri.executable) return 'executable';
  if (uri.extract === false) return 'nothing';
  if (/\.(tar|tgz|tar\.gz|tbz2|tar\.bz2|txz|tar\.xz)$/.test(output)) return 'tar';
  if (output.endsWith('.zip')) return 'zip';
  return /.\.gz$/.test(output) ? 'gzip' : 'nothing';
}
