import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addWatchModes, opCodes, specialXids } from '../../../src/protocols/zookeeper/constants.ts';
import { createFrameSplitter, encodeFrame, FrameError } from '../../../src/protocols/zookeeper/framing.ts';
import { JuteError, JuteReader, JuteWriter } from '../../../src/protocols/zookeeper/jute.ts';
import {
  type Codec,
  ConnectRequest,
  ConnectResponse,
  encodeReply,
  encodeReplyHeader,
  encodeRequest,
  encodeWatchEvent,
  type OperationName,
  operations,
  ReplyHeader,
  RequestHeader,
  readRequest,
  Stat,
  WatchEvent,
} from '../../../src/protocols/zookeeper/records.ts';

const int = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const millis = fc.maxSafeInteger();
const string = fc.string({ unit: 'binary', maxLength: 20 });
const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const data = fc.option(bytes);
const bool = fc.boolean();
const strings = fc.array(string, { maxLength: 5 });
const acl = fc.array(fc.record({ perms: int, scheme: string, id: string }), { maxLength: 4 });
const stat = fc.record({
  czxid: long,
  mzxid: long,
  ctime: millis,
  mtime: millis,
  version: int,
  cversion: int,
  aversion: int,
  ephemeralOwner: long,
  dataLength: int,
  numChildren: int,
  pzxid: long,
});
const nothing = fc.constant({});
const create = { path: string, data, acl, flags: int };
const pathAndWatch = fc.record({ path: string, watch: bool });
const watches = { relativeZxid: long, dataWatches: strings, existWatches: strings, childWatches: strings };
const results = fc.record({
  results: fc.array(
    fc.oneof(
      fc.record({ op: fc.constant('create'), path: string }),
      fc.record({ op: fc.constantFrom('create2', 'createContainer', 'createTTL'), path: string, stat }),
      fc.record({ op: fc.constant('setData'), stat }),
      fc.record({ op: fc.constantFrom('delete', 'check') }),
      fc.record({ op: fc.constant('getData'), data, stat }),
      fc.record({ op: fc.constant('getChildren'), children: strings }),
      fc.record({ op: fc.constant('error'), err: int }),
    ),
    { maxLength: 6 },
  ),
});

/** Arbitrary requests and replies of every operation. */
const samples: Record<OperationName, { request: fc.Arbitrary<object>; reply: fc.Arbitrary<object> }> = {
  create: { request: fc.record(create), reply: fc.record({ path: string }) },
  create2: { request: fc.record(create), reply: fc.record({ path: string, stat }) },
  createContainer: { request: fc.record(create), reply: fc.record({ path: string, stat }) },
  createTTL: { request: fc.record({ ...create, ttl: millis }), reply: fc.record({ path: string, stat }) },
  delete: { request: fc.record({ path: string, version: int }), reply: nothing },
  exists: { request: pathAndWatch, reply: fc.record({ stat }) },
  getData: { request: pathAndWatch, reply: fc.record({ data, stat }) },
  setData: { request: fc.record({ path: string, data, version: int }), reply: fc.record({ stat }) },
  getACL: { request: fc.record({ path: string }), reply: fc.record({ acl, stat }) },
  setACL: { request: fc.record({ path: string, acl, version: int }), reply: fc.record({ stat }) },
  getChildren: { request: pathAndWatch, reply: fc.record({ children: strings }) },
  getChildren2: { request: pathAndWatch, reply: fc.record({ children: strings, stat }) },
  sync: { request: fc.record({ path: string }), reply: fc.record({ path: string }) },
  ping: { request: nothing, reply: nothing },
  check: { request: fc.record({ path: string, version: int }), reply: nothing },
  multi: {
    request: fc.record({
      ops: fc.array(
        fc.oneof(
          fc.record({ op: fc.constantFrom('create', 'create2', 'createContainer'), ...create }),
          fc.record({ op: fc.constant('createTTL'), ...create, ttl: millis }),
          fc.record({ op: fc.constantFrom('delete', 'check'), path: string, version: int }),
          fc.record({ op: fc.constant('setData'), path: string, data, version: int }),
        ),
        { maxLength: 6 },
      ),
    }),
    reply: results,
  },
  multiRead: {
    request: fc.record({
      ops: fc.array(fc.record({ op: fc.constantFrom('getData', 'getChildren'), path: string, watch: bool })),
    }),
    reply: results,
  },
  reconfig: {
    request: fc.record({ joiningServers: string, leavingServers: string, newMembers: string, curConfigId: long }),
    reply: fc.record({ data, stat }),
  },
  checkWatches: { request: fc.record({ path: string, type: int }), reply: nothing },
  removeWatches: { request: fc.record({ path: string, type: int }), reply: nothing },
  auth: { request: fc.record({ type: int, scheme: string, credentials: data }), reply: nothing },
  setWatches: { request: fc.record(watches), reply: nothing },
  setWatches2: {
    request: fc.record({ ...watches, persistentWatches: strings, persistentRecursiveWatches: strings }),
    reply: nothing,
  },
  sasl: { request: fc.record({ token: data }), reply: fc.record({ token: data }) },
  getEphemerals: { request: fc.record({ prefixPath: string }), reply: fc.record({ ephemerals: strings }) },
  getAllChildrenNumber: { request: fc.record({ path: string }), reply: fc.record({ totalNumber: int }) },
  addWatch: { request: fc.record({ path: string, mode: int }), reply: fc.record({ err: int }) },
  whoAmI: {
    request: nothing,
    reply: fc.record({ clientInfo: fc.array(fc.record({ authScheme: string, user: string }), { maxLength: 3 }) }),
  },
  closeSession: { request: nothing, reply: nothing },
};

function reread<T>(codec: Codec<T>, value: T): { value: T; left: number } {
  const writer = new JuteWriter(1);
  codec.write(writer, value);
  const reader = new JuteReader(writer.finish());
  return { value: codec.read(reader), left: reader.remaining };
}

const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_key, v) => (typeof v === 'bigint' ? `${v}n` : v === undefined ? null : v)));

describe('records survive writing and reading', () => {
  for (const op of Object.keys(operations) as OperationName[])
    for (const side of ['request', 'reply'] as const)
      it(`${op} ${side}`, () => {
        fc.assert(
          fc.property(samples[op][side], (value) => {
            const { value: back, left } = reread(operations[op][side] as Codec<object>, value);
            expect(plain(back)).toEqual(plain(value));
            expect(left).toBe(0);
          }),
          { numRuns: 60 },
        );
      });

  it('connect request and response, with and without the read-only flag', () => {
    const connect = fc.record(
      {
        protocolVersion: int,
        lastZxidSeen: long,
        timeoutMs: int,
        sessionId: long,
        password: bytes,
        readOnly: bool,
      },
      { requiredKeys: ['protocolVersion', 'lastZxidSeen', 'timeoutMs', 'sessionId', 'password'] },
    );
    fc.assert(
      fc.property(connect, (value) => {
        expect(plain(reread(ConnectRequest, value).value)).toEqual(plain(value));
        const { lastZxidSeen: _, ...response } = value;
        expect(plain(reread(ConnectResponse, response).value)).toEqual(plain(response));
      }),
    );
  });

  it('headers, events and stats', () => {
    fc.assert(
      fc.property(int, int, long, string, stat, (a, b, zxid, path, aStat) => {
        expect(reread(RequestHeader, { xid: a, type: b }).value).toEqual({ xid: a, type: b });
        expect(reread(ReplyHeader, { xid: a, zxid, err: b }).value).toEqual({ xid: a, zxid, err: b });
        expect(reread(WatchEvent, { type: a, state: b, path }).value).toEqual({ type: a, state: b, path });
        expect(reread(Stat, aStat).value).toEqual(aStat);
      }),
    );
  });
});

describe('the layout on the wire', () => {
  it('a connect response is 36 bytes, 37 with the read-only flag', () => {
    const size = (readOnly?: boolean) =>
      encodeFrame((w) =>
        ConnectResponse.write(w, {
          protocolVersion: 0,
          timeoutMs: 4000,
          sessionId: 1n,
          password: Buffer.alloc(16),
          ...(readOnly === undefined ? {} : { readOnly }),
        }),
      ).length - 4;
    expect(size()).toBe(36);
    expect(size(false)).toBe(37);
  });

  it('a stat is 68 bytes', () => {
    fc.assert(
      fc.property(stat, (value) => {
        const writer = new JuteWriter();
        Stat.write(writer, value);
        expect(writer.size).toBe(68);
      }),
      { numRuns: 5 },
    );
  });

  it('a request is framed with xid and type', () => {
    const frame = encodeRequest(7, 'getData', { path: '/a', watch: true });
    expect(frame.toString('hex')).toBe('0000000f000000070000000400000002' + '2f6101');
    const reader = new JuteReader(frame, 4);
    expect(RequestHeader.read(reader)).toEqual({ xid: 7, type: opCodes.getData });
    expect(readRequest(opCodes.getData, reader)).toEqual({ op: 'getData', path: '/a', watch: true });
  });

  it('a failed multi repeats each error in header and body and ends with -1', () => {
    const frame = encodeReply(1, 5n, 'multi', {
      results: [
        { op: 'error', err: 0 },
        { op: 'error', err: -110 },
      ],
    });
    expect(frame.subarray(4 + 16).toString('hex')).toBe(
      `${'ffffffff0000000000'}${'00000000'}${'ffffffff00ffffff92'}${'ffffff92'}${'ffffffff01ffffffff'}`,
    );
  });

  it('a notification has xid -1 and zxid -1', () => {
    const reader = new JuteReader(encodeWatchEvent({ type: 1, state: 3, path: '/x' }), 4);
    expect(ReplyHeader.read(reader)).toEqual({ xid: specialXids.notification, zxid: -1n, err: 0 });
    expect(WatchEvent.read(reader)).toEqual({ type: 1, state: 3, path: '/x' });
  });

  it('null data stays apart from empty data', () => {
    const set = operations.setData.request;
    expect(reread(set, { path: '/', data: null, version: 0 }).value.data).toBeNull();
    expect(reread(set, { path: '/', data: Buffer.alloc(0), version: 0 }).value.data).toHaveLength(0);
  });

  it('a reply header alone is 16 bytes', () => {
    expect(encodeReplyHeader(3, 9n, -101)).toHaveLength(20);
  });

  it('an op code that clients do not send is no request', () => {
    expect(readRequest(777, new JuteReader(Buffer.alloc(8)))).toBeUndefined();
    expect(readRequest(opCodes.deleteContainer, new JuteReader(Buffer.alloc(8)))).toBeUndefined();
    expect(addWatchModes.persistentRecursive).toBe(1);
  });
});

describe('malformed bytes', () => {
  it('are refused with a JuteError, whatever they are', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(opCodes)), fc.uint8Array({ maxLength: 200 }), (type, garbage) => {
        try {
          readRequest(type, new JuteReader(Buffer.from(garbage)));
        } catch (error) {
          expect(error).toBeInstanceOf(JuteError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('cut off anywhere are refused', () => {
    const whole = encodeRequest(1, 'create', {
      path: '/a',
      data: Buffer.from('x'),
      acl: [{ perms: 31, scheme: 'world', id: 'anyone' }],
      flags: 0,
    });
    for (let end = 12; end < whole.length; end++)
      expect(() => readRequest(opCodes.create, new JuteReader(whole.subarray(12, end)))).toThrow(JuteError);
  });

  it('a length beyond the frame is refused without allocating it', () => {
    const reader = () => new JuteReader(Buffer.from('7fffffff', 'hex'));
    expect(() => reader().buffer()).toThrow(JuteError);
    expect(() => reader().string()).toThrow(JuteError);
    expect(() => reader().vector((r) => r.int())).toThrow(JuteError);
    expect(() => reader().vector(() => 0)).toThrow(JuteError);
    expect(() => new JuteReader(Buffer.from('fffffffe', 'hex')).buffer()).toThrow(JuteError);
  });
});

describe('the frame splitter', () => {
  it('finds the frames however the bytes were cut', () => {
    const frames = fc.array(
      fc.uint8Array({ maxLength: 50 }).map((array) => Buffer.from(array)),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 50 }), (sent, cuts) => {
        const stream = Buffer.concat(sent.map((body) => encodeFrame((w) => w.buffer(body))));
        const received: Buffer[] = [];
        const push = createFrameSplitter((frame) => received.push(Buffer.from(frame)));
        for (let at = 0, i = 0; at < stream.length; i++) {
          const size = cuts[i % cuts.length]!;
          push(stream.subarray(at, at + size));
          at += size;
        }
        expect(received.map((frame) => new JuteReader(frame).buffer())).toEqual(sent);
      }),
    );
  });

  it('refuses lengths that are negative or over the limit', () => {
    const push = () => createFrameSplitter(() => {}, 100);
    expect(() => push()(Buffer.from('00000065', 'hex'))).toThrow(FrameError);
    expect(() => push()(Buffer.from('ffffffff', 'hex'))).toThrow(FrameError);
    expect(() => push()(Buffer.from('ruok'))).toThrow(FrameError);
  });

  it('gives empty frames too', () => {
    const received: Buffer[] = [];
    createFrameSplitter((frame) => received.push(frame))(Buffer.alloc(8));
    expect(received).toHaveLength(2);
  });
});
