/**
 * What the log's entries say. A command is encoded where the client is connected and passed on as bytes; the leader
 * only puts its time in, so that every server applies exactly the same.
 */
import { JuteError, JuteReader, JuteWriter } from '../../../protocols/zookeeper/jute.ts';
import type { Identity } from './acl.ts';

/** Who waits for a command: the server, its run (a number drawn at its start) and a number counted by it. */
export interface Origin {
  server: number;
  run: number;
  sequence: number;
}

export type Command =
  | { kind: 'openSession'; sessionId: bigint; timeoutMs: number; password: Buffer }
  /** A client comes (back) to the origin's server with its session. */
  | { kind: 'attachSession'; sessionId: bigint; timeoutMs: number; password: Buffer }
  /** The leader found that the time of a session attached so many times is over. */
  | { kind: 'expireSession'; sessionId: bigint; attachments: number }
  /** A client's write, its body as the client sent it. */
  | { kind: 'request'; sessionId: bigint; type: number; identities: readonly Identity[]; body: Buffer }
  /** Changes nothing; who waits for it has seen everything before it. */
  | { kind: 'sync' }
  /** An empty container or an expired TTL node, if it still is one when this is applied. */
  | { kind: 'removeNode'; path: string }
  /** Gives a new ensemble its name, by which its data is told from another's. */
  | { kind: 'nameEnsemble'; name: string };

const kinds = [
  'openSession',
  'attachSession',
  'expireSession',
  'request',
  'sync',
  'removeNode',
  'nameEnsemble',
] as const;
const timeOffset = 4;

export function encodeCommand(origin: Origin, command: Command): Buffer {
  const w = new JuteWriter(command.kind === 'request' ? 96 + command.body.length : 96);
  w.int(kinds.indexOf(command.kind));
  w.millis(0);
  w.int(origin.server);
  w.int(origin.run);
  w.int(origin.sequence);
  switch (command.kind) {
    case 'openSession':
    case 'attachSession':
      w.long(command.sessionId);
      w.int(command.timeoutMs);
      w.buffer(command.password);
      break;
    case 'expireSession':
      w.long(command.sessionId);
      w.int(command.attachments);
      break;
    case 'request':
      w.long(command.sessionId);
      w.int(command.type);
      w.vector(command.identities, (writer, { scheme, id }) => {
        writer.string(scheme);
        writer.string(id);
      });
      w.buffer(command.body);
      break;
    case 'sync':
      break;
    case 'removeNode':
      w.string(command.path);
      break;
    case 'nameEnsemble':
      w.string(command.name);
      break;
  }
  return w.finish();
}

/** Puts the leader's time (milliseconds since 1970) into an encoded command. */
export function stampCommand(encoded: Buffer, now: number): void {
  const time = Math.floor(now);
  encoded.writeInt32BE(Math.floor(time / 0x1_0000_0000), timeOffset);
  encoded.writeUInt32BE(time >>> 0, timeOffset + 4);
}

/** @throws JuteError */
export function decodeCommand(encoded: Buffer): { command: Command; origin: Origin; time: number } {
  const r = new JuteReader(encoded);
  const kind = kinds[r.int()];
  const time = r.millis();
  const origin = { server: r.int(), run: r.int(), sequence: r.int() };
  return { command: decodeBody(kind, r), origin, time };
}

/** Whether the bytes are a whole command. */
export function isCommand(encoded: Buffer): boolean {
  try {
    decodeCommand(encoded);
    return true;
  } catch (error) {
    if (error instanceof JuteError) return false;
    throw error;
  }
}

function decodeBody(kind: Command['kind'] | undefined, r: JuteReader): Command {
  switch (kind) {
    case 'openSession':
    case 'attachSession':
      return { kind, sessionId: r.long(), timeoutMs: r.int(), password: r.buffer() ?? Buffer.alloc(0) };
    case 'expireSession':
      return { kind, sessionId: r.long(), attachments: r.int() };
    case 'request': {
      const sessionId = r.long();
      const type = r.int();
      const identities = r.vector((reader) => ({ scheme: reader.string(), id: reader.string() }));
      return { kind, sessionId, type, identities, body: r.buffer() ?? Buffer.alloc(0) };
    }
    case 'removeNode':
      return { kind, path: r.string() };
    case 'nameEnsemble':
      return { kind, name: r.string() };
    case 'sync':
      return { kind };
    default:
      throw new JuteError('a command of an unknown kind');
  }
}
