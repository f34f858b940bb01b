import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodePeerMessage, encodePeerMessage, type PeerMessage } from '../../../src/embedded/zookeeper/peers/wire.ts';
import { encodeFrameOf, type LogRecord, readSegment } from '../../../src/embedded/zookeeper/storage/frames.ts';
import { JuteError, JuteReader } from '../../../src/protocols/zookeeper/jute.ts';

const index = fc.nat({ max: 2 ** 47 });
const data = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
const entry = fc.record({ term: index, data });

const raft = fc.oneof(
  fc.record({ type: fc.constantFrom('preVote', 'vote'), term: index, lastIndex: index, lastTerm: index }),
  fc.record({ type: fc.constantFrom('preVoteReply', 'voteReply'), term: index, granted: fc.boolean() }),
  fc.record({
    type: fc.constant('append'),
    term: index,
    prevIndex: index,
    prevTerm: index,
    commit: index,
    entries: fc.array(entry, { maxLength: 5 }),
  }),
  fc.record({ type: fc.constant('appendReply'), term: index, ok: fc.constant(true), match: index }),
  fc.record({ type: fc.constant('appendReply'), term: index, ok: fc.constant(false), rejected: index, hint: index }),
  fc.record({ type: fc.constant('heartbeat'), term: index, commit: index, sent: index }),
  fc.record({ type: fc.constant('heartbeatReply'), term: index, sent: index, last: index }),
  fc.record({ type: fc.constant('resign'), term: index }),
  fc.record({ type: fc.constant('snapshot'), term: index, index, lastTerm: index, data }),
);

const message = fc.oneof(
  raft.map((m) => ({ kind: 'raft', message: m })),
  fc.record({ kind: fc.constant('forward'), command: data }),
  fc.record({ kind: fc.constant('touch'), sessions: fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })) }),
  fc.record({ kind: fc.constant('refused'), reason: fc.string(), foreign: fc.boolean() }),
  fc.constant({ kind: 'ping' }),
  fc.record({
    kind: fc.constant('hello'),
    hello: fc.record({ protocol: fc.nat(), from: fc.nat(), to: fc.nat(), cluster: fc.string() }),
  }),
) as fc.Arbitrary<PeerMessage>;

describe('messages between servers', () => {
  test('arrive as they were sent', () => {
    fc.assert(
      fc.property(message, (sent) => {
        const frame = encodePeerMessage(sent);
        expect(frame.readInt32BE(0)).toBe(frame.length - 4);
        expect(decodePeerMessage(new JuteReader(frame, 4))).toEqual(sent);
      }),
    );
  });

  test('of any bytes are read or refused, nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          decodePeerMessage(new JuteReader(Buffer.from(bytes)));
        } catch (error) {
          expect(error).toBeInstanceOf(JuteError);
        }
      }),
    );
  });
});

describe('frames of the log', () => {
  const record = fc.oneof(
    fc.record({ kind: fc.constant('state'), term: index, votedFor: fc.option(fc.nat(255), { nil: undefined }) }),
    fc.record({ kind: fc.constant('entries'), from: index, list: fc.array(entry, { maxLength: 4 }) }),
    fc.record({ kind: fc.constantFrom('base', 'reset'), index, term: index }),
  ) as fc.Arbitrary<LogRecord>;

  test('are read as they were written, up to a torn one', () => {
    fc.assert(
      fc.property(fc.array(fc.array(record, { minLength: 1 }), { minLength: 1 }), fc.nat(), (frames, cut) => {
        const bytes = frames.map((records) => encodeFrameOf(records));
        const whole = Buffer.concat(bytes);
        expect(readSegment(whole)).toEqual({ records: frames.flat(), validBytes: whole.length, tail: 'none' });
        const last = bytes.at(-1)!.length;
        const torn = whole.subarray(0, whole.length - 1 - (cut % (last - 1)));
        const before = whole.length - last;
        expect(readSegment(torn)).toEqual({ records: frames.slice(0, -1).flat(), validBytes: before, tail: 'torn' });
      }),
    );
  });
});
