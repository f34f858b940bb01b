import type { ZooKeeperClient } from '../../../protocols/zookeeper/client.ts';
import { anyVersion } from '../../../protocols/zookeeper/constants.ts';
import { isZooKeeperError } from '../../../protocols/zookeeper/errors.ts';
import type { Acl, MultiOp } from '../../../protocols/zookeeper/records.ts';
import { type StateReader, stateFolders } from './state.ts';
import { type WriterClient, writerNode } from './writer.ts';

/** Reads documents below `base`. */
export function createStateReader(client: ZooKeeperClient, base: string): StateReader {
  return {
    async data(path) {
      try {
        return (await client.getData(`${base}/${path}`)).data ?? Buffer.alloc(0);
      } catch (error) {
        if (isZooKeeperError(error, 'noNode')) return undefined;
        throw error;
      }
    },
    async children(path) {
      try {
        return await client.getChildren(`${base}/${path}`);
      } catch (error) {
        if (isZooKeeperError(error, 'noNode')) return [];
        throw error;
      }
    },
  };
}

export function createWriterClient(client: ZooKeeperClient, acl: readonly Acl[]): WriterClient {
  return {
    async multi(ops) {
      await client.multi(
        ops.map(
          (op): MultiOp =>
            op.op === 'create'
              ? { ...op, acl: [...acl], flags: 0 }
              : op.op === 'delete'
                ? { ...op, version: anyVersion }
                : op,
        ),
      );
    },
    async read(path) {
      try {
        const { data, stat } = await client.getData(path);
        return { data: data ?? Buffer.alloc(0), version: stat.version };
      } catch (error) {
        if (isZooKeeperError(error, 'noNode')) return undefined;
        throw error;
      }
    },
    isUncertain: (error) => isZooKeeperError(error, 'connectionLoss', 'operationTimeout', 'requestTimeout'),
    connected: () => client.connected(),
  };
}

/**
 * Makes the folders of the state where they are missing and takes the right to write over from whoever had it.
 * @returns the version of the writer's node, and whether there was no state before
 */
export async function takeOver(
  client: ZooKeeperClient,
  base: string,
  writerId: string,
  acl: readonly Acl[],
): Promise<{ version: number; isNew: boolean }> {
  const mark = Buffer.from(`${writerId} 0`);
  const path = `${base}/${writerNode}`;
  const create = (node: string, data: Buffer | null): MultiOp => ({
    op: 'create',
    path: node,
    data,
    acl: [...acl],
    flags: 0,
  });
  // Exactly one of the two can succeed; sent together they take the time of one.
  const [taken, made] = await Promise.allSettled([
    client.setData(path, mark),
    client.multi([
      create(base, null),
      ...stateFolders.map((folder) => create(`${base}/${folder}`, null)),
      create(path, mark),
    ]),
  ]);
  if (taken.status === 'fulfilled') return { version: taken.value.version, isNew: false };
  if (made.status === 'fulfilled') return { version: 0, isNew: true };
  if (!isZooKeeperError(taken.reason, 'noNode')) throw taken.reason;
  if (!isZooKeeperError(made.reason, 'noNode', 'nodeExists')) throw made.reason;
  await client.ensurePath(base, acl);
  await Promise.all(stateFolders.map((folder) => client.ensurePath(`${base}/${folder}`, acl)));
  await client.ensurePath(path, acl);
  return { version: (await client.setData(path, mark)).version, isNew: false };
}
