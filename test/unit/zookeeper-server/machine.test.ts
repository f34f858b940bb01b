import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Command,
  encodeCommand,
  isCommand,
  stampCommand,
} from '../../../src/embedded/zookeeper/state/commands.ts';
import { createMachine, type Machine } from '../../../src/embedded/zookeeper/state/machine.ts';
import { createStateEncoder, decodeState, encodeState } from '../../../src/embedded/zookeeper/state/snapshot.ts';
import { type OpCodeName, requestBody } from './requests.ts';

const options = { extendedTypes: true, skipAcl: false };
const openAcl = [{ perms: 31, scheme: 'world', id: 'anyone' }];

/** A machine with a leader and a session 1 of server 1. */
function machine(): Machine {
  const made = createMachine(options);
  made.apply(1, Buffer.alloc(0));
  apply(made, { kind: 'openSession', sessionId: 1n, timeoutMs: 4000, password: Buffer.alloc(16, 1) });
  return made;
}

function apply(to: Machine, command: Command, at = { server: 1, time: 1000 }) {
  const encoded = encodeCommand({ server: at.server, run: 7, sequence: 9 }, command);
  stampCommand(encoded, at.time);
  return to.apply(1, encoded);
}

function request(to: Machine, op: OpCodeName, fields: object, at?: { server: number; time: number; session?: bigint }) {
  return apply(
    to,
    {
      kind: 'request',
      sessionId: at?.session ?? 1n,
      identities: [{ scheme: 'ip', id: '127.0.0.1' }],
      ...requestBody(op, fields),
    },
    at,
  );
}

const create = (to: Machine, path: string, flags = 0) =>
  request(to, 'create', { path, data: Buffer.from('x'), acl: openAcl, flags });

/** Everything a client could see. */
function view(of: Machine) {
  const { state } = of;
  return {
    zxid: of.lastZxid,
    ensemble: state.ensemble,
    sessions: [...state.sessions].map(([id, session]) => ({ ...session, id, ephemerals: [...session.ephemerals] })),
    nodes: [...state.tree.nodes].map(([path, node]) => [
      path,
      { ...node, children: [...(node.children ?? [])].sort() },
    ]),
  };
}

/** The same without the order of the nodes, which means nothing. */
function sortedView(of: Machine) {
  const seen = view(of);
  return { ...seen, nodes: new Map(seen.nodes as [string, unknown][]) };
}

describe('the replicated state', () => {
  test('counts transactions from the term on: failed ones too, attachments and syncs not', () => {
    const state = createMachine(options);
    expect(state.apply(3, Buffer.alloc(0)).zxid).toBe(3 * 2 ** 32);
    const password = Buffer.alloc(16, 1);
    expect(apply(state, { kind: 'openSession', sessionId: 1n, timeoutMs: 1, password }).zxid).toBe(3 * 2 ** 32 + 1);
    expect(create(state, '/a').zxid).toBe(3 * 2 ** 32 + 2);
    expect(create(state, '/a')).toMatchObject({ zxid: 3 * 2 ** 32 + 3, outcome: { kind: 'error', err: -110 } });
    expect(apply(state, { kind: 'sync' }).zxid).toBe(3 * 2 ** 32 + 3);
    expect(apply(state, { kind: 'attachSession', sessionId: 1n, timeoutMs: 5, password }).zxid).toBe(3 * 2 ** 32 + 3);
    expect(state.apply(4, Buffer.alloc(0)).zxid).toBe(4 * 2 ** 32);
  });

  test('a session belongs to the server its client came to last', () => {
    const state = machine();
    const password = Buffer.alloc(16, 1);
    const moved = apply(
      state,
      { kind: 'attachSession', sessionId: 1n, timeoutMs: 9, password },
      { server: 2, time: 1 },
    );
    expect(moved.outcome).toMatchObject({ kind: 'session', session: { id: 1n, timeoutMs: 9, owner: 2 } });
    expect(create(state, '/a').outcome).toEqual({ kind: 'error', err: -118 });
    expect(
      request(state, 'setData', { path: '/', data: null, version: -1 }, { server: 2, time: 1 }).outcome,
    ).toMatchObject({
      kind: 'result',
    });
  });

  test('a wrong password attaches nothing', () => {
    const state = machine();
    for (const password of [Buffer.alloc(16), Buffer.alloc(0), Buffer.alloc(15, 1)])
      expect(
        apply(state, { kind: 'attachSession', sessionId: 1n, timeoutMs: 5, password }, { server: 2, time: 1 }).outcome,
      ).toEqual({ kind: 'session', session: undefined });
    expect(create(state, '/a').outcome).toMatchObject({ kind: 'result' });
  });

  test('an expired session takes its nodes along, and its late requests are refused', () => {
    const state = machine();
    create(state, '/a');
    create(state, '/a/e', 1);
    create(state, '/a/s-', 3);
    const { changes, ended } = apply(state, { kind: 'expireSession', sessionId: 1n, attachments: 0 });
    expect(ended).toBe(1n);
    expect(changes).toEqual([
      { type: 'deleted', path: '/a/e' },
      { type: 'deleted', path: '/a/s-0000000001' },
    ]);
    expect(create(state, '/b').outcome).toEqual({ kind: 'error', err: -112 });
    expect([...state.state.tree.nodes.keys()]).not.toContain('/a/e');
  });

  test('a session whose client came back before its end was decided stays', () => {
    const state = machine();
    apply(state, { kind: 'attachSession', sessionId: 1n, timeoutMs: 5, password: Buffer.alloc(16, 1) });
    expect(apply(state, { kind: 'expireSession', sessionId: 1n, attachments: 0 }).ended).toBeUndefined();
    expect(create(state, '/a').outcome).toMatchObject({ kind: 'result' });
    expect(apply(state, { kind: 'expireSession', sessionId: 1n, attachments: 1 }).ended).toBe(1n);
  });

  test('times are those of the log, not of any clock', () => {
    const state = machine();
    request(state, 'create', { path: '/a', data: null, acl: openAcl, flags: 0 }, { server: 1, time: 123_456_789_000 });
    expect(state.state.tree.nodes.get('/a')).toMatchObject({ ctime: 123_456_789_000, mtime: 123_456_789_000 });
  });

  test('finds containers without children and nodes whose time is over, and removes only what still is one', () => {
    const state = machine();
    request(state, 'createContainer', { path: '/c', data: null, acl: openAcl, flags: 4 });
    request(state, 'createContainer', { path: '/unused', data: null, acl: openAcl, flags: 4 });
    request(state, 'createTTL', { path: '/t', data: null, acl: openAcl, flags: 5, ttl: 500 });
    create(state, '/c/child');
    expect(state.expiredNodes(1499)).toEqual([]);
    expect(state.expiredNodes(1500)).toEqual(['/t']);
    request(state, 'delete', { path: '/c/child', version: -1 });
    expect(state.expiredNodes(1000)).toEqual(['/c']);
    create(state, '/c/child');
    apply(state, { kind: 'removeNode', path: '/c' });
    apply(state, { kind: 'removeNode', path: '/t' }, { server: 1, time: 1499 });
    apply(state, { kind: 'removeNode', path: '/zookeeper' });
    expect([...state.state.tree.nodes.keys()]).toEqual(expect.arrayContaining(['/c', '/t', '/zookeeper']));
    expect(apply(state, { kind: 'removeNode', path: '/t' }, { server: 1, time: 1500 }).changes).toEqual([
      { type: 'deleted', path: '/t' },
    ]);
  });
});

describe('commands', () => {
  test('are told from other bytes', () => {
    const command = encodeCommand({ server: 1, run: 2, sequence: 3 }, { kind: 'nameEnsemble', name: 'x' });
    expect(isCommand(command)).toBe(true);
    for (let length = 0; length < command.length; length++) expect(isCommand(command.subarray(0, length))).toBe(false);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(typeof isCommand(Buffer.from(bytes))).toBe('boolean');
      }),
    );
  });
});

describe('whatever clients ask', () => {
  const path = fc.constantFrom('/a', '/b', '/a/x', '/a/y', '/a/x/deep', '/b/z', '/', '/a/', '//', 'a', '/a/./b', '');
  const data = fc.option(fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes)));
  const acl = fc.constantFrom(
    openAcl,
    [],
    [{ perms: 31, scheme: 'auth', id: '' }],
    [{ perms: 1, scheme: 'world', id: 'anyone' }],
    [{ perms: 31, scheme: 'ip', id: '127.0.0.1' }],
  );
  const version = fc.constantFrom(-1, 0, 1, 2);
  const creation = fc.record({ path, data, acl, flags: fc.constantFrom(0, 0, 0, 1, 2, 3, 4, 9) });
  const op = fc.oneof(
    creation.map((fields) => ({ op: 'create' as const, ...fields })),
    creation.map((fields) => ({ op: 'create2' as const, ...fields })),
    creation.map((fields) => ({ op: 'createContainer' as const, ...fields })),
    fc.record({ path, version }).map((fields) => ({ op: 'delete' as const, ...fields })),
    fc.record({ path, data, version }).map((fields) => ({ op: 'setData' as const, ...fields })),
    fc.record({ path, version }).map((fields) => ({ op: 'check' as const, ...fields })),
  );
  const session = fc.constantFrom(1n, 2n);
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ session, op }) },
    { weight: 3, arbitrary: fc.record({ session, multi: fc.array(op, { maxLength: 5 }) }) },
    { weight: 1, arbitrary: fc.record({ session, setACL: fc.record({ path, acl, version }) }) },
    { weight: 1, arbitrary: fc.record({ expire: session }) },
    { weight: 1, arbitrary: fc.record({ open: session }) },
    {
      weight: 1,
      arbitrary: fc.record({ garbage: fc.uint8Array({ maxLength: 20 }), type: fc.integer({ min: -12, max: 110 }) }),
    },
  );
  type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

  const commandOf = (one: Step): Command => {
    if ('expire' in one) return { kind: 'expireSession', sessionId: one.expire, attachments: 0 };
    if ('open' in one)
      return { kind: 'openSession', sessionId: one.open, timeoutMs: 1000, password: Buffer.alloc(16, 2) };
    const common = { kind: 'request' as const, identities: [{ scheme: 'ip', id: '127.0.0.1' }] };
    if ('garbage' in one) return { ...common, sessionId: 1n, type: one.type, body: Buffer.from(one.garbage) };
    if ('multi' in one) return { ...common, sessionId: one.session, ...requestBody('multi', { ops: one.multi }) };
    if ('setACL' in one) return { ...common, sessionId: one.session, ...requestBody('setACL', one.setACL) };
    const { op: name, ...fields } = one.op;
    return { ...common, sessionId: one.session, ...requestBody(name, fields) };
  };

  test('servers that apply the same log are the same, also when one of them started from a snapshot', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(), (steps, cut) => {
        const first = machine();
        let second = machine();
        for (const [i, one] of steps.entries()) {
          if (i === cut % (steps.length || 1)) second = createMachine(options, decodeState(encodeState(second.state)));
          const a = apply(first, commandOf(one), { server: 1, time: 1000 + i });
          const b = apply(second, commandOf(one), { server: 1, time: 1000 + i });
          expect(b).toEqual(a);
        }
        expect(view(second)).toEqual(view(first));
      }),
      { numRuns: 300 },
    );
  });

  test('a snapshot holds what was there when it was begun, whatever changes while it is made', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.array(step, { maxLength: 40 }), (steps, meanwhile) => {
        const state = machine();
        for (const one of steps) apply(state, commandOf(one));
        const before = sortedView(state);
        const encoder = createStateEncoder(state.state, 60);
        const pieces: Buffer[] = [];
        for (const one of meanwhile) {
          const piece = encoder.next();
          if (piece) pieces.push(piece);
          apply(state, commandOf(one));
        }
        pieces.push(...encoder);
        expect(state.state.tree.observers.size).toBe(0);
        expect(sortedView(createMachine(options, decodeState(Buffer.concat(pieces))))).toEqual(before);
      }),
      { numRuns: 300 },
    );
  });

  test('a multi that fails leaves no trace but its zxid', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.array(op, { minLength: 1, maxLength: 6 }), (steps, ops) => {
        const state = machine();
        for (const one of steps) apply(state, commandOf(one));
        const before = view(state);
        const applied = apply(state, {
          kind: 'request',
          sessionId: 1n,
          identities: [],
          ...requestBody('multi', { ops: [...ops, { op: 'check', path: '/no such node', version: 0 }] }),
        });
        const after = view(state);
        expect(applied.changes).toEqual([]);
        // Deleting and restoring a node moves it to the end of lists whose order means nothing.
        const sorted = (of: typeof before) => ({
          ...of,
          zxid: 0,
          sessions: of.sessions.map((one) => ({ ...one, ephemerals: [...one.ephemerals].sort() })),
          nodes: new Map(of.nodes as [string, unknown][]),
        });
        expect(sorted(after)).toEqual(sorted(before));
        expect(state.state.tree.dataSize).toBe(decodeState(encodeState(state.state)).tree.dataSize);
      }),
      { numRuns: 300 },
    );
  });

  test('the tree stays a tree: parents exist, ephemeral nodes have no children, owners know their nodes', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const state = machine();
        for (const one of steps) apply(state, commandOf(one));
        const { tree, sessions } = state.state;
        const owned = new Map<bigint, Set<string>>();
        for (const [path, node] of tree.nodes) {
          const parent = path.slice(0, path.lastIndexOf('/')) || '/';
          if (path !== '/') expect(tree.nodes.get(parent)?.children?.has(path)).toBe(true);
          for (const child of node.children ?? []) expect(tree.nodes.has(child)).toBe(true);
          if (node.owner <= 0n) continue;
          expect(node.children).toBeUndefined();
          owned.set(node.owner, (owned.get(node.owner) ?? new Set()).add(path));
        }
        for (const [id, session] of sessions) expect(session.ephemerals).toEqual(owned.get(id) ?? new Set());
        for (const id of owned.keys()) expect(sessions.has(id)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});
