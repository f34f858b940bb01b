import { describe, expect, test } from 'vitest';
import { describeEnd, endingOf, graceOf } from '../../../src/embedded/mesos-agent/endings.ts';

describe('the end of a command', () => {
  test.each([
    [{ status: 0 }, undefined, 'TASK_FINISHED', undefined],
    [{ status: 1 }, undefined, 'TASK_FAILED', undefined],
    [{ signal: 'SIGKILL', coreDumped: false }, undefined, 'TASK_FAILED', undefined],
    [{ status: 0 }, 'asked', 'TASK_KILLED', undefined],
    [{ status: 1 }, 'group', 'TASK_KILLED', undefined],
    [{ signal: 'SIGTERM', coreDumped: false }, 'unhealthy', 'TASK_KILLED', undefined],
    [{ status: 0 }, 'completion-time', 'TASK_FAILED', 'REASON_MAX_COMPLETION_TIME_REACHED'],
  ] as const)('%j, killed: %s is %s', (end, killed, state, reason) => {
    expect(endingOf(end, killed)).toMatchObject({ state, ...(reason ? { reason } : {}) });
  });

  test.each([
    [{ status: 3 }, 'exited with status 3'],
    [{ signal: 'SIGTERM', coreDumped: false }, 'terminated with signal Terminated'],
    [{ signal: 'SIGKILL', coreDumped: false }, 'terminated with signal Killed'],
    [{ signal: 'SIGSEGV', coreDumped: true }, 'terminated with signal Segmentation fault (core dumped)'],
    [{ signal: 'SIGABRT', coreDumped: false }, 'terminated with signal Aborted'],
  ])('%j reads: %s', (end, text) => {
    expect(describeEnd(end)).toBe(text);
  });
});

test('the grace period is that of the first policy that has one, else three seconds', () => {
  const policy = (seconds: number) => ({ grace_period: { nanoseconds: seconds * 1e9 } });
  expect(graceOf()).toBe(3000);
  expect(graceOf(undefined, policy(1), policy(2))).toBe(1000);
  expect(graceOf({}, policy(0.5))).toBe(500);
  expect(graceOf(policy(0))).toBe(0);
  expect(graceOf(policy(-1))).toBe(0);
});
