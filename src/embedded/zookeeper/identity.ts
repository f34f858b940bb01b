import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../../support/errors.ts';
import { ConfigError, type ZooConfig } from './config.ts';

/**
 * Writes into a new data folder whose it is, and refuses one that is another server's: its votes and its log would
 * break the promises made with them.
 * @throws ConfigError
 */
export function claimDataFolder(config: ZooConfig): void {
  for (const folder of new Set([config.dataDir, config.dataLogDir])) {
    const path = join(folder, 'embedded-1', 'server.json');
    const members = config.peers.map((peer) => peer.id);
    let found: { id: number; members: number[] } | undefined;
    try {
      found = JSON.parse(readFileSync(path, 'utf8')) as { id: number; members: number[] };
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw new ConfigError(`${path} can't be read: move ${folder} away`);
    }
    if (!found) {
      mkdirSync(join(folder, 'embedded-1'), { recursive: true, mode: 0o700 });
      writeFileSync(path, `${JSON.stringify({ id: config.id, members })}\n`, { mode: 0o600 });
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
  }
}
