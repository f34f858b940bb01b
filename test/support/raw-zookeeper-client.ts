import { connect } from 'node:net';
import { createFrameSplitter, encodeFrame } from '../../src/protocols/zookeeper/framing.ts';
import { JuteReader } from '../../src/protocols/zookeeper/jute.ts';
import {
  ConnectRequest,
  ConnectResponse,
  encodeRequest,
  type OperationName,
  operations,
  ReplyHeader,
  type ReplyOf,
  type RequestOf,
  WatchEvent,
} from '../../src/protocols/zookeeper/records.ts';

/** A reply: `err` and, when it is 0, the body. */
export interface RawReply<N extends OperationName = OperationName> {
  xid: number;
  zxid: bigint;
  err: number;
  body: ReplyOf<N> | undefined;
}

/**
 * A client without any behaviour of its own: one connection, frames as the test sends them, and everything that comes
 * back in its order.
 */
export interface RawClient {
  /** Undefined when the server closed the connection instead of answering. */
  readonly session: ConnectResponse | undefined;
  /** Notifications so far, as `type path`, in the order they came. */
  readonly events: readonly string[];
  /** Everything that came, in order: `event type path` and `reply xid`. */
  readonly history: readonly string[];
  readonly closed: Promise<void>;
  readonly isClosed: boolean;
  /** @throws when the connection ends before the answer */
  call<N extends OperationName>(op: N, request: RequestOf<N>, xid?: number): Promise<RawReply<N>>;
  /** The error code alone. */
  code<N extends OperationName>(op: N, request: RequestOf<N>): Promise<number>;
  /** The body of a success. @throws on an error code */
  ok<N extends OperationName>(op: N, request: RequestOf<N>): Promise<ReplyOf<N>>;
  /** A request with any code and body. */
  callRaw(type: number, body: Buffer): Promise<RawReply>;
  write(bytes: Buffer): void;
  /** Resolves with the history once it holds `count` things. */
  until(count: number): Promise<readonly string[]>;
  /** Closes the session. */
  close(): Promise<void>;
  /** Cuts the connection without closing the session. */
  drop(): void;
  /** Doesn't read what comes, until `resume`. */
  pause(): void;
  resume(): void;
}

export const openAcl = [{ perms: 31, scheme: 'world', id: 'anyone' }];

export async function openRaw(
  port: number,
  options: Partial<ConnectRequest> & { silent?: boolean } = {},
): Promise<RawClient> {
  const socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  const history: string[] = [];
  const events: string[] = [];
  const waiting: { xid: number; op: OperationName | undefined; resolve: (r: RawReply) => void }[] = [];
  const watchers = new Set<() => void>();
  let session: ConnectResponse | undefined;
  let connected: (() => void) | undefined;
  let isClosed = false;
  let nextXid = 1;
  const rejects = new Set<(error: Error) => void>();

  const onFrame = (frame: Buffer) => {
    const reader = new JuteReader(Buffer.from(frame));
    if (!session) {
      session = ConnectResponse.read(reader);
      connected?.();
      return;
    }
    const header = ReplyHeader.read(reader);
    if (header.xid === -1) {
      const event = WatchEvent.read(reader);
      events.push(`${event.type} ${event.path}`);
      history.push(`event ${event.type} ${event.path}`);
    } else {
      history.push(`reply ${header.xid}`);
      const index = waiting.findIndex(({ xid }) => xid === header.xid);
      const [item] = index < 0 ? [] : waiting.splice(index, 1);
      const body =
        item?.op && header.err === 0 && (reader.remaining > 0 || operations[item.op].reply === operations.ping.reply)
          ? operations[item.op].reply.read(reader)
          : undefined;
      item?.resolve({ ...header, body } as RawReply);
    }
    for (const notify of watchers) notify();
  };

  const split = createFrameSplitter(onFrame, 0x7fff_ffff);
  socket.on('data', split);
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      isClosed = true;
      connected?.();
      for (const reject of rejects) reject(new Error('the connection was closed'));
      resolve();
    });
  });

  const expectReply = (xid: number, op: OperationName | undefined) =>
    new Promise<RawReply>((resolve, reject) => {
      if (isClosed) return reject(new Error('the connection was closed'));
      rejects.add(reject);
      waiting.push({
        xid,
        op,
        resolve: (reply) => {
          rejects.delete(reject);
          resolve(reply);
        },
      });
    });

  const client: RawClient = {
    get session() {
      return session;
    },
    events,
    history,
    closed,
    get isClosed() {
      return isClosed;
    },
    call<N extends OperationName>(op: N, request: RequestOf<N>, xid = nextXid++) {
      socket.write(encodeRequest(xid, op, request));
      return expectReply(xid, op) as Promise<RawReply<N>>;
    },
    code: async (op, request) => (await client.call(op, request)).err,
    async ok(op, request) {
      const { err, body } = await client.call(op, request);
      if (err !== 0) throw new Error(`${op} failed with ${err}`);
      return body!;
    },
    callRaw(type, body) {
      const xid = nextXid++;
      const head = Buffer.alloc(12);
      head.writeInt32BE(8 + body.length, 0);
      head.writeInt32BE(xid, 4);
      head.writeInt32BE(type, 8);
      socket.write(Buffer.concat([head, body]));
      return expectReply(xid, undefined);
    },
    write: (bytes) => void socket.write(bytes),
    until(count) {
      return new Promise((resolve, reject) => {
        const look = () => {
          if (history.length < count) return;
          watchers.delete(look);
          rejects.delete(reject);
          resolve(history);
        };
        rejects.add(reject);
        watchers.add(look);
        look();
      });
    },
    async close() {
      if (isClosed) return;
      await client.call('closeSession', {}).catch(() => {});
      await closed;
    },
    drop: () => void socket.destroy(),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
  };

  if (options.silent) return client;
  const request: ConnectRequest = {
    protocolVersion: 0,
    lastZxidSeen: 0n,
    timeoutMs: 4000,
    sessionId: 0n,
    password: Buffer.alloc(16),
    ...options,
  };
  await new Promise<void>((resolve) => {
    connected = resolve;
    if (isClosed) return resolve();
    socket.write(encodeFrame((w) => ConnectRequest.write(w, request)));
  });
  return client;
}
