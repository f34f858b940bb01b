import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../../support/errors.ts';
import { ConfigError, type ZooConfig } from './config.ts';

/** Whose data a folder holds. */
export interface Identity {
  /** Name of the ensemble, '' when it isn't known yet. */
  readonly ensemble: string;
  /** Notes the ensemble's name for the next start. @throws system errors */
  remember(ensemble: string): void;
}

interface Content {
  id: number;
  members: number[];
  ensemble?: string;
}

/**
 * Writes into a new data folder whose it is, and refuses one that is another server's: its votes and its log would
 * break the promises made with them.
 * @throws ConfigError, system errors
 */
export function claimDataFolder(config: ZooConfig): Identity {
  const members = config.peers.map((peer) => peer.id);
  const folders = [...new Set([config.dataDir, config.dataLogDir])];
  let ensemble = '';
  for (const folder of folders) {
    const found = read(folder);
    if (!found) {
      write(folder, { id: config.id, members });
      continue;
    }
    if (found.id !== config.id)
      throw new ConfigError(
        `${folder} holds the data of server ${found.id}, but this is server ${config.id}: give it a folder of its own`,
      );
    if (found.members.join() !== members.join())
      throw new ConfigError(
        `${folder} holds the data of an ensemble of the servers ${found.members.join(', ')}, but zoo.cfg names ` +
          `${members.join(', ')}: the members of an ensemble can't change`,
      );
    if (ensemble && found.ensemble && ensemble !== found.ensemble)
      throw new ConfigError(`${folders.join(' and ')} hold the data of different ensembles`);
    ensemble ||= found.ensemble ?? '';
  }
  return {
    get ensemble() {
      return ensemble;
    },
    remember(name) {
      if (name === ensemble) return;
      for (const folder of folders) write(folder, { id: config.id, members, ensemble: name });
      ensemble = name;
    },
  };
}

function fileOf(folder: string): string {
  return join(folder, 'embedded-1', 'server.json');
}

function read(folder: string): Content | undefined {
  const path = fileOf(folder);
  try {
    const content = JSON.parse(readFileSync(path, 'utf8')) as Partial<Content>;
    if (typeof content.id === 'number' && Array.isArray(content.members)) return content as Content;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
  }
  throw new ConfigError(`${path} can't be read as what this server wrote: move ${folder} away`);
}

function write(folder: string, content: Content): void {
  mkdirSync(join(folder, 'embedded-1'), { recursive: true, mode: 0o700 });
  const path = fileOf(folder);
  writeFileSync(`${path}.tmp`, `${JSON.stringify(content)}\n`, { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}
