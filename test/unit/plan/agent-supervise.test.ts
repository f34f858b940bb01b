import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { agentSupervisor, inAgent } from '../../../src/plan/real-agent.ts';
import { shells } from '../../support/shells.ts';
import { skipped } from '../../support/skipped.ts';

let folder: string;
const running: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'agent-supervise-'));
});
afterEach(async () => {
  await Promise.all(
    running.splice(0).map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await ended(child);
    }),
  );
  rmSync(folder, { recursive: true, force: true });
});

const ended = (child: ChildProcess) =>
  new Promise<number | null>((resolve) =>
    child.exitCode !== null ? resolve(child.exitCode) : child.once('exit', (code) => resolve(code)),
  );

/** An agent that writes down when it starts and, asked to, ends. */
const agent = 'echo "$$" >>started; trap "exit 0" TERM; while :; do sleep 0.02; done';

describe.skipIf(skipped(shells.length > 0, 'tests of the supervisor of agents', 'no POSIX shell')).each(shells)(
  'the supervisor of real agents, run by $name',
  ({ command: [program, ...first] }) => {
    const supervise = (script: string, ...flags: string[]) => {
      const file = join(folder, 'supervise');
      writeFileSync(file, agentSupervisor().replaceAll('/tmp/', `${folder}/`));
      const child = spawn(program, [...first, file, '/bin/sh', '-c', script, ...flags], {
        stdio: 'ignore',
        cwd: folder,
      });
      running.push(child);
      return child;
    };
    const starts = () => {
      try {
        return readFileSync(join(folder, 'started'), 'utf8').split('\n').filter(Boolean);
      } catch {
        return [];
      }
    };
    const stoppedFile = () => existsSync(inAgent.stoppedFile.replace('/tmp', folder));
    const eventually = { timeout: 10_000, interval: 5 };

    it('ends with the code of an agent that can not even start', async () => {
      expect(await ended(supervise('exit 4'))).toBe(4);
    });

    it('ends the agent on request, starts it again on request, and ends with it', async () => {
      const child = supervise(agent);
      await expect.poll(starts, eventually).toHaveLength(1);
      child.kill('SIGUSR1');
      await expect.poll(() => isAlive(starts()[0]), eventually).toBe(false);
      expect(stoppedFile()).toBe(true);
      child.kill('SIGUSR2');
      await expect.poll(starts, eventually).toHaveLength(2);
      expect(stoppedFile()).toBe(false);
      child.kill('SIGTERM');
      expect(await ended(child)).toBe(143);
      expect(isAlive(starts()[1])).toBe(false);
    });

    it('takes each request that is repeated until it is taken, however soon one follows the other', async () => {
      const child = supervise(agent);
      await expect.poll(starts, eventually).toHaveLength(1);
      const request = (signal: 'SIGUSR1' | 'SIGUSR2', stopped: boolean) => {
        let sentAt = 0;
        const isStopped = () => {
          // Bash misses signals that come just before it waits.
          if (performance.now() - sentAt > 1_000) {
            child.kill(signal);
            sentAt = performance.now();
          }
          return stoppedFile();
        };
        return expect.poll(isStopped, { timeout: 10_000, interval: 1 }).toBe(stopped);
      };
      for (let i = 0; i < 20; i++) {
        await request('SIGUSR1', true);
        await request('SIGUSR2', false);
      }
      await request('SIGUSR1', true);
      await expect.poll(() => agentsOf(child), eventually).toEqual([]);
      await request('SIGUSR2', false);
      // One that was just being started when its end was asked for may come and go before.
      await expect.poll(() => agentsOf(child).join() === starts().at(-1), eventually).toBe(true);
      expect(stoppedFile()).toBe(false);
    });

    it('gives the agent numbers of no process for the executors that its container had before', async () => {
      const pidFile = (...path: string[]) => {
        const file = join(folder, ...path);
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, String(process.pid));
        return file;
      };
      const run = ['agent', 'meta', 'slaves', 'S0', 'frameworks', 'f', 'executors', "web 1's", 'runs', 'c1', 'pids'];
      const nested = ['agent-run', 'containers', 'c1', 'containers', 'c2'];
      const files = [
        pidFile(...run, 'forked.pid'),
        pidFile('agent-run', 'containers', 'c1', 'pid'),
        pidFile('agent-run', 'containers', 'c1', 'io_switchboard', 'pid'),
        pidFile(...nested, 'pid'),
      ];
      const address = pidFile(...run, 'libprocess.pid');
      symlinkSync('S0', join(folder, 'agent', 'meta', 'slaves', 'latest'));
      const numbers = () => files.map((file) => Number(readFileSync(file, 'utf8')));
      const child = supervise(agent, `--work_dir=${folder}/agent`, `--runtime_dir=${folder}/agent-run`);
      await expect.poll(starts, eventually).toHaveLength(1);
      const given = numbers();
      expect(given.every((number) => number > 2 ** 22)).toBe(true);
      expect(new Set(given).size).toBe(files.length);
      expect(readFileSync(address, 'utf8')).toBe(String(process.pid));
      // Executors outlive an agent that is started again in its container.
      for (const file of files) writeFileSync(file, '17');
      child.kill('SIGUSR1');
      await expect.poll(() => isAlive(starts()[0]), eventually).toBe(false);
      child.kill('SIGUSR2');
      await expect.poll(starts, eventually).toHaveLength(2);
      expect(numbers()).toEqual([17, 17, 17, 17]);
    });

    it('starts an agent that has no past', async () => {
      expect(await ended(supervise('exit 4', `--work_dir=${folder}/agent`, `--runtime_dir=${folder}/run`))).toBe(4);
      expect(existsSync(join(folder, 'agent'))).toBe(false);
    });

    it('ends at once while the agent is kept ended', async () => {
      const child = supervise(agent);
      await expect.poll(starts, eventually).toHaveLength(1);
      child.kill('SIGUSR1');
      await expect.poll(() => isAlive(starts()[0]), eventually).toBe(false);
      child.kill('SIGTERM');
      expect(await ended(child)).toBe(143);
    });
  },
);

/** Numbers of the agents that a supervisor has. */
function agentsOf({ pid }: ChildProcess): string[] {
  const { status, stdout } = spawnSync('pgrep', ['-P', String(pid), '-f', '^/bin/sh -c echo'], { encoding: 'utf8' });
  // 1: there is none.
  if (status !== 0 && status !== 1) throw new Error(`pgrep does not tell: ${status}`);
  return stdout.split('\n').filter(Boolean);
}

function isAlive(pid: string | undefined): boolean {
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch {
    return false;
  }
}
