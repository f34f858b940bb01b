import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

export interface MarathonProcess {
  /** Resolves when it leads and is registered, or follows a leader. */
  readonly ready: Promise<void>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

/** Starts embedded Marathons in processes of their own. */
export function marathonProcesses() {
  const folder = mkdtempSync(join(tmpdir(), 'marathon-processes-'));
  const program = join(folder, 'marathon.mjs');
  buildSync({
    entryPoints: [fileURLToPath(new URL('./marathon-child.ts', import.meta.url))],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outfile: program,
  });
  const running = new Set<ChildProcess>();
  const end = (child: ChildProcess) =>
    new Promise<void>((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve();
      child.once('close', () => resolve());
      child.kill('SIGKILL');
    });
  return {
    start(argv: readonly string[]): MarathonProcess {
      const child = spawn(process.execPath, [program, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
      running.add(child);
      let log = '';
      child.stderr.on('data', (chunk: Buffer) => {
        log += chunk.toString('utf8');
      });
      const ready = new Promise<void>((resolve, reject) => {
        child.stdout.on('data', (chunk: Buffer) => {
          if (chunk.includes('ready')) resolve();
        });
        child.once('close', () => reject(new Error(`Marathon ended before it was ready:\n${log}`)));
      });
      ready.catch(() => {});
      return { ready, kill: () => end(child) };
    },
    async close() {
      await Promise.all([...running].map(end));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
