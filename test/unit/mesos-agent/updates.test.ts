import { describe, expect, test } from 'vitest';
import type { TaskBook } from '../../../src/embedded/mesos-agent/books.ts';
import { createStatusUpdates } from '../../../src/embedded/mesos-agent/updates.ts';
import type { TaskStatus } from '../../../src/protocols/mesos/types.ts';
import { createManualClock } from '../../support/manual-clock.ts';

function setUp() {
  const clock = createManualClock();
  const sent: string[] = [];
  const started = clock.monotonic();
  const updates = createStatusUpdates(clock, (_task, status) =>
    sent.push(`${status.uuid}@${Math.round((clock.monotonic() - started) / 1000)}`),
  );
  const task = { info: { task_id: { value: 't' } }, pending: [] as TaskStatus[] } as unknown as TaskBook;
  const add = (uuid: string) => {
    task.pending.push({ task_id: { value: 't' }, state: 'TASK_RUNNING', uuid });
    updates.added(task);
  };
  const acknowledge = () => {
    task.pending.shift();
    updates.acknowledged(task);
  };
  return { clock, sent, updates, task, add, acknowledge };
}

describe('status updates', () => {
  test('are sent again after 10 s, then twice as long each time, at most 10 min', () => {
    const { clock, sent, updates, add } = setUp();
    updates.resume([]);
    add('a');
    clock.advance(1500_000);
    expect(sent).toEqual(['a@0', 'a@10', 'a@30', 'a@70', 'a@150', 'a@310', 'a@630', 'a@1230']);
  });

  test('go out one at a time, each after the acknowledgement of the one before', () => {
    const { clock, sent, updates, add, acknowledge } = setUp();
    updates.resume([]);
    add('a');
    add('b');
    expect(sent).toEqual(['a@0']);
    clock.advance(3000);
    acknowledge();
    expect(sent).toEqual(['a@0', 'b@3']);
    acknowledge();
    clock.advance(100_000);
    expect(sent).toHaveLength(2);
    expect(clock.timers).toBe(0);
  });

  test('wait for a master, and begin anew with it', () => {
    const { clock, sent, updates, task, add } = setUp();
    add('a');
    clock.advance(60_000);
    expect(sent).toEqual([]);
    updates.resume([task]);
    clock.advance(11_000);
    updates.pause();
    clock.advance(60_000);
    expect(sent).toEqual(['a@60', 'a@70']);
    updates.resume([task]);
    expect(sent).toHaveLength(3);
    clock.advance(10_000);
    expect(sent).toHaveLength(4);
  });
});
