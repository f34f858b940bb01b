/**
 * The replicated state: znodes, sessions and counters. It changes only by `apply`, once for each committed entry of the
 * log and in the same way on every server; it knows no clock and no connection.
 */
import { timingSafeEqual } from 'node:crypto';
import { errorCodes, opCodes } from '../../../protocols/zookeeper/constants.ts';
import { JuteError, JuteReader } from '../../../protocols/zookeeper/jute.ts';
import { type Acl, type MultiOp, type MultiResult, readRequest } from '../../../protocols/zookeeper/records.ts';
import { type Identity, openAcl } from './acl.ts';
import { type Command, decodeCommand, type Origin } from './commands.ts';
import { Refusal } from './refusal.ts';
import { createTree, ownerKind, type Tree, ttlOf } from './tree.ts';
import { applyWrite, type Change, removeNode, type WriteContext, type WriteOp } from './writes.ts';

export interface Session {
  readonly id: bigint;
  /** Negotiated, milliseconds. */
  timeoutMs: number;
  readonly password: Buffer;
  /** The server its client was last attached to: writes through another are refused. */
  owner: number;
  /** How often its client came back. */
  attachments: number;
  readonly ephemerals: Set<string>;
}

export interface State {
  tree: Tree;
  sessions: Map<bigint, Session>;
  /** The ensemble's name, '' before its first leader gave it one. */
  ensemble: string;
  /** The epoch is the term of the last leader, the counter counts the transactions since. */
  epoch: number;
  counter: number;
}

/** What a request answers, besides its zxid. */
export type Outcome =
  | { kind: 'session'; session: Session | undefined }
  | { kind: 'error'; err: number }
  | { kind: 'result'; result: MultiResult }
  | { kind: 'multi'; results: MultiResult[] }
  | { kind: 'closed' }
  | { kind: 'nothing' };

export interface Applied {
  origin: Origin | undefined;
  zxid: number;
  outcome: Outcome;
  /** In the order in which they happened. */
  changes: readonly Change[];
  /** Sessions that started, were attached elsewhere, or ended. */
  opened?: Session;
  attached?: Session;
  ended?: bigint;
}

export interface MachineOptions {
  extendedTypes: boolean;
  skipAcl: boolean;
}

export interface Machine {
  readonly state: State;
  readonly lastZxid: number;
  /** An entry of the log: `data` is empty for the one that opens a leader's term. */
  apply(term: number, data: Buffer): Applied;
  /** Replaces everything. */
  restore(state: State): void;
  /** Empty containers that once had children, and TTL nodes without children whose time is over. */
  expiredNodes(now: number): string[];
}

const noChanges: readonly Change[] = [];
const nothing: Outcome = { kind: 'nothing' };

export function createState(): State {
  return { tree: createTree(), sessions: new Map(), ensemble: '', epoch: 0, counter: 0 };
}

export function zxidOf(state: State): number {
  return state.epoch * 0x1_0000_0000 + state.counter;
}

export function createMachine(options: MachineOptions, initial: State = createState()): Machine {
  let state = initial;
  let aclCache = new Map<string, readonly Acl[]>();

  /** Equal lists are one object: most nodes have the same few. */
  const intern = (acl: readonly Acl[]): readonly Acl[] => {
    if (acl === openAcl) return acl;
    const key = acl.map(({ perms, scheme, id }) => `${perms}:${scheme}:${id}`).join('\n');
    const known = aclCache.get(key);
    if (known) return known;
    if (aclCache.size >= 10_000) aclCache = new Map();
    aclCache.set(key, acl);
    return acl;
  };

  const contextFor = (time: number, sessionId: bigint, identities: readonly Identity[]): WriteContext => ({
    tree: state.tree,
    zxid: zxidOf(state),
    time,
    sessionId,
    identities,
    extendedTypes: options.extendedTypes,
    skipAcl: options.skipAcl,
    changes: [],
    undo: [],
    ephemerals: (owner) => state.sessions.get(owner)?.ephemerals,
    intern,
  });

  const endSession = (session: Session): Change[] => {
    const context = contextFor(0, session.id, []);
    for (const path of [...session.ephemerals]) {
      const node = state.tree.nodes.get(path);
      if (node) removeNode(context, path, node);
    }
    state.sessions.delete(session.id);
    return context.changes;
  };

  const applyRequest = (
    command: Command & { kind: 'request' },
    origin: Origin,
    time: number,
  ): Omit<Applied, 'origin' | 'zxid'> => {
    const failed = (err: number) => ({ outcome: { kind: 'error', err } as const, changes: noChanges });
    const session = state.sessions.get(command.sessionId);
    if (command.type === opCodes.closeSession)
      return session
        ? { outcome: { kind: 'closed' }, changes: endSession(session), ended: session.id }
        : { outcome: { kind: 'closed' }, changes: noChanges };
    if (!session) return failed(errorCodes.sessionExpired);
    if (session.owner !== origin.server) return failed(errorCodes.sessionMoved);

    let request: ReturnType<typeof readRequest>;
    try {
      request = readRequest(command.type, new JuteReader(command.body));
    } catch (error) {
      if (error instanceof JuteError) return failed(errorCodes.marshallingError);
      throw error;
    }
    if (request?.op === 'reconfig') return failed(errorCodes.reconfigDisabled);
    const context = contextFor(time, session.id, command.identities);
    if (request?.op === 'multi') return applyMulti(context, request.ops);
    if (!request || !isWrite(request)) return failed(errorCodes.badArguments);
    try {
      const result = applyWrite(context, request);
      return { outcome: { kind: 'result', result }, changes: context.changes };
    } catch (refusal) {
      if (refusal instanceof Refusal) return failed(refusal.code);
      throw refusal;
    }
  };

  return {
    get state() {
      return state;
    },
    get lastZxid() {
      return zxidOf(state);
    },
    apply(term, data) {
      if (data.length === 0) {
        state.epoch = term;
        state.counter = 0;
        return { origin: undefined, zxid: zxidOf(state), outcome: nothing, changes: noChanges };
      }
      const { command, origin, time } = decodeCommand(data);
      const done = (fields: Partial<Applied> = {}): Applied => ({
        origin,
        zxid: zxidOf(state),
        outcome: nothing,
        changes: noChanges,
        ...fields,
      });
      switch (command.kind) {
        case 'sync':
          return done();
        case 'nameEnsemble':
          state.ensemble ||= command.name;
          return done();
        case 'attachSession': {
          const session = state.sessions.get(command.sessionId);
          if (!session || !sameBytes(session.password, command.password))
            return done({ outcome: { kind: 'session', session: undefined } });
          session.owner = origin.server;
          session.timeoutMs = command.timeoutMs;
          session.attachments++;
          return done({ outcome: { kind: 'session', session }, attached: session });
        }
        case 'openSession': {
          state.counter++;
          if (state.sessions.has(command.sessionId)) return done({ outcome: { kind: 'session', session: undefined } });
          const session: Session = {
            id: command.sessionId,
            timeoutMs: command.timeoutMs,
            password: Buffer.from(command.password),
            owner: origin.server,
            attachments: 0,
            ephemerals: new Set(),
          };
          state.sessions.set(session.id, session);
          return done({ outcome: { kind: 'session', session }, opened: session });
        }
        case 'expireSession': {
          const session = state.sessions.get(command.sessionId);
          // Its client may have come back while the leader judged it gone.
          if (!session || session.attachments !== command.attachments) return done();
          state.counter++;
          return done({ changes: endSession(session), ended: session.id });
        }
        case 'removeNode': {
          const node = state.tree.nodes.get(command.path);
          const kind = node && ownerKind(node.owner, options.extendedTypes);
          if (!node || node.children || (kind !== 'container' && kind !== 'ttl')) return done();
          if (kind === 'ttl' && time - node.mtime < ttlOf(node.owner)) return done();
          state.counter++;
          const context = contextFor(time, 0n, []);
          removeNode(context, command.path, node);
          return done({ changes: context.changes });
        }
        case 'request':
          state.counter++;
          return { origin, zxid: zxidOf(state), ...applyRequest(command, origin, time) };
      }
    },
    restore(next) {
      state = next;
      aclCache = new Map();
    },
    expiredNodes(now) {
      const paths: string[] = [];
      for (const [path, node] of state.tree.nodes) {
        if (node.owner >= 0n || node.children) continue;
        const kind = ownerKind(node.owner, options.extendedTypes);
        // A container that never had a child is left alone: its creator is about to add one.
        if (kind === 'container' ? node.creations > 0 : kind === 'ttl' && now - node.mtime >= ttlOf(node.owner))
          paths.push(path);
      }
      return paths;
    },
  };
}

function applyMulti(context: WriteContext, ops: readonly MultiOp[]): Omit<Applied, 'origin' | 'zxid'> {
  const results: MultiResult[] = [];
  for (const op of ops) {
    try {
      results.push(applyWrite(context, op));
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal;
      for (const undo of context.undo.reverse()) undo();
      const errors = ops.map((_, i): MultiResult => {
        if (i < results.length) return { op: 'error', err: errorCodes.ok };
        return { op: 'error', err: i === results.length ? refusal.code : errorCodes.runtimeInconsistency };
      });
      return { outcome: { kind: 'multi', results: errors }, changes: noChanges };
    }
  }
  // The real server answers a create2 in a multi as a create, and containers and TTL nodes as a create2.
  const answered = results.map((result): MultiResult => {
    if (result.op === 'create2') return { op: 'create', path: result.path };
    if (result.op === 'createContainer' || result.op === 'createTTL') return { ...result, op: 'create2' };
    return result;
  });
  return { outcome: { kind: 'multi', results: answered }, changes: context.changes };
}

function isWrite<T extends { op: string }>(request: T): request is T & WriteOp {
  switch (request.op) {
    case 'create':
    case 'create2':
    case 'createContainer':
    case 'createTTL':
    case 'delete':
    case 'setData':
    case 'setACL':
    case 'check':
      return true;
    default:
      return false;
  }
}

function sameBytes(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
