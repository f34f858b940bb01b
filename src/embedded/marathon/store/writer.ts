import { gzip, gzipSync } from 'node:zlib';
import type { Logger } from '../../../support/logger.ts';

/** What the writer needs of a ZooKeeper client. Errors are ZooKeeperErrors. */
export interface WriterClient {
  /** All or nothing. */
  multi(ops: readonly WriteOp[]): Promise<void>;
  /** @returns the node's content and version, undefined when it does not exist */
  read(path: string): Promise<{ data: Buffer; version: number } | undefined>;
  /** Whether the outcome of a failed call is unknown, as after a lost connection; it makes sense to ask again. */
  isUncertain(error: unknown): boolean;
  /** Resolves when there is a connection (again). @throws when the session is over */
  connected(): Promise<void>;
}

export type WriteOp =
  | { op: 'create'; path: string; data: Buffer }
  | { op: 'setData'; path: string; data: Buffer; version: number }
  | { op: 'delete'; path: string };

export interface WriterOptions {
  client: WriterClient;
  /** Folder of the documents; exists. */
  base: string;
  /** Name of this writer, unique among all that ever wrote. */
  writerId: string;
  /** Paths below `base` that exist, documents and folders. */
  existing: Set<string>;
  /** Version of the `writer` node after this leader took it over. */
  writerVersion: number;
  maxNodeSize: number;
  /** Documents of more bytes are gzipped; undefined never. */
  compressFrom: number | undefined;
  log: Logger;
  /** Another leader has taken over, or the session is over: nothing is written any more. */
  onLost: (reason: string) => void;
}

/**
 * Keeps documents in ZooKeeper. What is written in one turn of the event loop, and while the last batch is under way,
 * goes out as one multi; of several writes to a path the last one counts. Every batch also moves the `writer` node from
 * the version that this leader left there: a leader that was replaced can't write any more, and after a lost
 * connection the node's content tells whether the batch got through.
 */
export interface StateWriter {
  /** Writes `document` as JSON to a path relative to the base. @throws DocumentTooLarge */
  put(path: string, document: unknown): void;
  /** @throws DocumentTooLarge */
  assertFits(path: string, document: unknown): void;
  remove(path: string): void;
  /** Resolves when everything written so far is durable. Never resolves once the writer is lost or closed. */
  flushed(): Promise<void>;
  /** Batches sent so far. */
  readonly batches: number;
  close(): void;
}

export class DocumentTooLarge extends Error {}

/** @throws DocumentTooLarge when the document is more than a node can take, compressed or not */
function assertFits(bytes: Buffer, path: string, limits: Pick<WriterOptions, 'maxNodeSize' | 'compressFrom'>): void {
  if (bytes.length <= limits.maxNodeSize) return;
  const size = limits.compressFrom === undefined ? bytes.length : gzipSync(bytes, { level: 1 }).length;
  if (size > limits.maxNodeSize)
    throw new DocumentTooLarge(
      `What is to be stored at ${path} has ${size} bytes; --zk_max_node_size allows ${limits.maxNodeSize}`,
    );
}

/** The node that names the last batch. */
export const writerNode = 'writer';

const maxBatchOps = 1000;
/** Below ZooKeeper's limit of 1 MiB a request. */
const maxBatchBytes = 700_000;

export function createStateWriter(options: WriterOptions): StateWriter {
  const { client, base, existing, log } = options;
  let pending = new Map<string, Buffer | undefined>();
  let waiting: (() => void)[] = [];
  let version = options.writerVersion;
  let batches = 0;
  let running = false;
  let closed = false;

  const absolute = (path: string) => (path === '' ? base : `${base}/${path}`);

  const start = () => {
    if (running || closed) return;
    running = true;
    setImmediate(() => {
      run().catch((error: unknown) => lose(String((error as Error)?.message ?? error)));
    });
  };

  const run = async () => {
    while (pending.size > 0 && !closed) {
      const { documents, rest } = takeBatch(pending);
      pending = rest;
      // Those who wait for documents of the rest must wait for their batch too.
      const served = rest.size === 0 ? waiting : [];
      if (rest.size === 0) waiting = [];
      await send(documents);
      for (const resolve of served) resolve();
    }
    const served = waiting;
    waiting = [];
    running = false;
    for (const resolve of served) resolve();
  };

  const send = async (documents: Map<string, Buffer | undefined>) => {
    const mark = Buffer.from(`${options.writerId} ${++batches}`);
    const ops: WriteOp[] = [{ op: 'setData', path: absolute(writerNode), data: mark, version }];
    const created = new Set<string>();
    const removed = new Set<string>();
    for (const [path, document] of documents) {
      if (document === undefined) {
        if (!existing.has(path)) continue;
        ops.push({ op: 'delete', path: absolute(path) });
        removed.add(path);
        continue;
      }
      const data = await encode(document, options.compressFrom);
      if (existing.has(path)) {
        ops.push({ op: 'setData', path: absolute(path), data, version: -1 });
        continue;
      }
      for (const folder of folders(path))
        if (!existing.has(folder) && !created.has(folder)) {
          ops.push({ op: 'create', path: absolute(folder), data: Buffer.alloc(0) });
          created.add(folder);
        }
      ops.push({ op: 'create', path: absolute(path), data });
      created.add(path);
    }
    for (;;) {
      if (closed) return await never();
      try {
        await client.multi(ops);
        break;
      } catch (error) {
        // A request whose answer was lost may have been carried out, even after its repetition was sent.
        const uncertain = client.isUncertain(error);
        if (uncertain) {
          log.warn('writing the state was interrupted', { error });
          await client.connected();
        }
        const node = await client.read(absolute(writerNode)).catch((readError: unknown) => {
          if (client.isUncertain(readError)) return 'unknown' as const;
          throw readError;
        });
        if (node === 'unknown') continue;
        if (node?.data.equals(mark)) break;
        if (uncertain && node?.version === version) continue;
        lose(
          node?.version === version
            ? `writing the state failed: ${(error as Error).message}`
            : 'another leader writes the state',
        );
        return await never();
      }
    }
    version++;
    for (const path of created) existing.add(path);
    for (const path of removed) existing.delete(path);
  };

  const lose = (reason: string) => {
    if (closed) return;
    closed = true;
    options.onLost(reason);
  };

  return {
    put(path, document) {
      const bytes = Buffer.from(JSON.stringify(document));
      assertFits(bytes, absolute(path), options);
      pending.delete(path);
      pending.set(path, bytes);
      start();
    },
    assertFits: (path, document) => assertFits(Buffer.from(JSON.stringify(document)), absolute(path), options),
    remove(path) {
      pending.delete(path);
      pending.set(path, undefined);
      start();
    },
    flushed() {
      if (closed) return never();
      if (!running && pending.size === 0) return Promise.resolve();
      return new Promise((resolve) => waiting.push(resolve));
    },
    get batches() {
      return batches;
    },
    close() {
      closed = true;
    },
  };
}

function takeBatch(pending: Map<string, Buffer | undefined>) {
  const documents = new Map<string, Buffer | undefined>();
  const rest = new Map<string, Buffer | undefined>();
  let bytes = 0;
  for (const [path, document] of pending) {
    bytes += path.length + (document?.length ?? 0) + 100;
    const full = documents.size > 0 && (documents.size >= maxBatchOps || bytes > maxBatchBytes);
    // Once one document has to wait, all after it wait too: the order of writing is kept.
    if (full || rest.size > 0) rest.set(path, document);
    else documents.set(path, document);
  }
  return { documents, rest };
}

function folders(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(0, -1).map((_, i) => parts.slice(0, i + 1).join('/'));
}

function encode(document: Buffer, compressFrom: number | undefined): Promise<Buffer> | Buffer {
  if (compressFrom === undefined || document.length <= compressFrom) return document;
  return new Promise((resolve, reject) =>
    gzip(document, { level: 1 }, (error, zipped) => (error ? reject(error) : resolve(zipped))),
  );
}

/** What is lost must not go on as if it were written; the owner ends everything that waits. */
function never(): Promise<never> {
  return new Promise(() => {});
}
