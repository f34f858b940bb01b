/** What servers send each other on the quorum port: frames of int32 length, one byte of kind, and a body in jute. */
import { JuteError, type JuteReader, JuteWriter } from '../../../protocols/zookeeper/jute.ts';
import type { Entry, RaftMessage } from '../raft/messages.ts';

export const peerProtocol = 1;
/** Frames between servers may hold a whole snapshot. Text (an HTTP client on the wrong port) reads as a longer one. */
export const maxPeerFrameBytes = 0x1fff_ffff;

export interface Hello {
  protocol: number;
  from: number;
  to: number;
  /** The ensemble the sender's data belongs to, '' when it has none yet. */
  cluster: string;
}

export type PeerMessage =
  /** The first message of a connection; nothing else is taken before. */
  | { kind: 'hello'; hello: Hello }
  /** The connection is not wanted; the receiver's log gets the reason. */
  | { kind: 'refused'; reason: string; foreign: boolean }
  | { kind: 'raft'; message: RaftMessage }
  /** A command for the leader's log. */
  | { kind: 'forward'; command: Buffer }
  /** Sessions whose clients were heard of. */
  | { kind: 'touch'; sessions: readonly bigint[] }
  /** The connection is alive. */
  | { kind: 'ping' };

const kinds = ['hello', 'refused', 'raft', 'forward', 'touch', 'ping'] as const;
const raftTypes = [
  'preVote',
  'preVoteReply',
  'vote',
  'voteReply',
  'append',
  'appendReply',
  'heartbeat',
  'heartbeatReply',
  'snapshot',
  'resign',
] as const;

export function encodePeerMessage(message: PeerMessage): Buffer {
  const w = new JuteWriter(sizeHint(message));
  w.int(0);
  w.int(kinds.indexOf(message.kind));
  switch (message.kind) {
    case 'hello':
      w.int(message.hello.protocol);
      w.int(message.hello.from);
      w.int(message.hello.to);
      w.string(message.hello.cluster);
      break;
    case 'refused':
      w.string(message.reason);
      w.bool(message.foreign);
      break;
    case 'raft':
      writeRaft(w, message.message);
      break;
    case 'forward':
      w.buffer(message.command);
      break;
    case 'touch':
      w.vector(message.sessions, (writer, id) => writer.long(id));
      break;
    case 'ping':
      break;
  }
  w.intAt(0, w.size - 4);
  return w.finish();
}

function sizeHint(message: PeerMessage): number {
  if (message.kind === 'forward') return message.command.length + 16;
  if (message.kind === 'touch') return 16 + 8 * message.sessions.length;
  if (message.kind !== 'raft') return 64;
  if (message.message.type === 'snapshot') return message.message.data.length + 64;
  if (message.message.type !== 'append') return 64;
  let size = 64;
  for (const entry of message.message.entries) size += entry.data.length + 12;
  return size;
}

/** Buffers in the message are views of the frame. @throws JuteError */
export function decodePeerMessage(r: JuteReader): PeerMessage {
  const kind = kinds[r.int()];
  switch (kind) {
    case 'hello':
      return { kind, hello: { protocol: r.int(), from: r.int(), to: r.int(), cluster: r.string() } };
    case 'refused':
      return { kind, reason: r.string(), foreign: r.bool() };
    case 'raft':
      return { kind, message: readRaft(r) };
    case 'forward':
      return { kind, command: r.buffer() ?? Buffer.alloc(0) };
    case 'touch':
      return { kind, sessions: r.vector((reader) => reader.long()) };
    case 'ping':
      return { kind };
    default:
      throw new JuteError('a message of an unknown kind');
  }
}

function writeRaft(w: JuteWriter, m: RaftMessage): void {
  w.int(raftTypes.indexOf(m.type));
  w.millis(m.term);
  switch (m.type) {
    case 'preVote':
    case 'vote':
      w.millis(m.lastIndex);
      w.millis(m.lastTerm);
      break;
    case 'preVoteReply':
    case 'voteReply':
      w.bool(m.granted);
      break;
    case 'append':
      w.millis(m.prevIndex);
      w.millis(m.prevTerm);
      w.millis(m.commit);
      w.vector(m.entries, (writer, entry) => {
        writer.millis(entry.term);
        writer.buffer(entry.data);
      });
      break;
    case 'appendReply':
      w.bool(m.ok);
      w.millis(m.ok ? m.match : m.rejected);
      w.millis(m.ok ? 0 : m.hint);
      break;
    case 'heartbeat':
      w.millis(m.commit);
      w.millis(m.sent);
      break;
    case 'heartbeatReply':
      w.millis(m.sent);
      w.millis(m.last);
      break;
    case 'snapshot':
      w.millis(m.index);
      w.millis(m.lastTerm);
      w.buffer(m.data);
      break;
    case 'resign':
      break;
  }
}

function readRaft(r: JuteReader): RaftMessage {
  const type = raftTypes[r.int()];
  const term = r.millis();
  switch (type) {
    case 'preVote':
    case 'vote':
      return { type, term, lastIndex: r.millis(), lastTerm: r.millis() };
    case 'preVoteReply':
    case 'voteReply':
      return { type, term, granted: r.bool() };
    case 'append':
      return {
        type,
        term,
        prevIndex: r.millis(),
        prevTerm: r.millis(),
        commit: r.millis(),
        entries: r.vector(readEntry),
      };
    case 'appendReply': {
      const ok = r.bool();
      const first = r.millis();
      const second = r.millis();
      return ok ? { type, term, ok, match: first } : { type, term, ok, rejected: first, hint: second };
    }
    case 'heartbeat':
      return { type, term, commit: r.millis(), sent: r.millis() };
    case 'heartbeatReply':
      return { type, term, sent: r.millis(), last: r.millis() };
    case 'snapshot':
      return { type, term, index: r.millis(), lastTerm: r.millis(), data: r.buffer() ?? Buffer.alloc(0) };
    case 'resign':
      return { type, term };
    default:
      throw new JuteError('a consensus message of an unknown type');
  }
}

function readEntry(r: JuteReader): Entry {
  return { term: r.millis(), data: r.buffer() ?? Buffer.alloc(0) };
}
