import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRaftLog } from '../../../src/embedded/zookeeper/raft/log.ts';

const entry = (size: number) => ({ term: 1, data: Buffer.alloc(size) });

test('the log in memory knows what it takes, whatever is added, replaced and forgotten', () => {
  const step = fc.oneof(
    fc.record({ append: fc.integer({ min: 0, max: 2000 }) }),
    fc.record({ truncateTo: fc.nat(40) }),
    fc.record({ compactTo: fc.nat(40) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const log = createRaftLog({ index: 0, term: 0 });
      for (const one of steps) {
        if ('append' in one) log.append(entry(one.append));
        else if ('truncateTo' in one) log.truncateAfter(Math.max(log.firstIndex - 1, one.truncateTo));
        else log.compact(Math.min(log.lastIndex, one.compactTo));
      }
      const same = createRaftLog({ index: 0, term: 0 });
      for (let i = log.firstIndex; i <= log.lastIndex; i++) same.append(log.entryAt(i));
      expect(log.bytes).toBe(same.bytes);
    }),
  );
});

test('the oldest of those that fit into so many bytes', () => {
  const log = createRaftLog({ index: 10, term: 1 });
  for (let i = 0; i < 8; i++) log.append(entry(1000));
  const one = log.bytes / 8;
  expect(log.oldestWithin(18, 3 * one)).toBe(16);
  expect(log.oldestWithin(15, 3 * one)).toBe(13);
  expect(log.oldestWithin(18, one - 1)).toBe(19);
  expect(log.oldestWithin(18, 100 * one)).toBe(11);
});
