// How things are measured: whole commands from a shell's point of view, medians over several runs.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const bin = fileURLToPath(new URL('../../bin/devcluster.js', import.meta.url));

/** Runs a program to its end; seconds it took and what it wrote. Throws when it fails. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    const out = [];
    const err = [];
    child.stdout.on('data', (chunk) => out.push(chunk));
    child.stderr.on('data', (chunk) => err.push(chunk));
    child.once('error', reject);
    child.once('close', (code) => {
      const seconds = (performance.now() - started) / 1000;
      if (code === 0)
        resolve({ seconds, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
      else
        reject(
          new Error(`${command} ${args.join(' ')} ended with ${code}: ${Buffer.concat(err)}${Buffer.concat(out)}`),
        );
    });
  });
}

export const devcluster = (env, ...args) => run(process.execPath, [bin, ...args], { env: { ...process.env, ...env } });

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Proportional set size of a process in MB (Linux). */
export function pss(pid) {
  return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]) / 1024;
}

/** CPU seconds a process has used (Linux; 100 ticks a second). */
export function cpuSeconds(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks until the answer satisfies; the pause is short against what is measured. */
export async function until(ask, satisfied, pauseMs = 20, limitMs = 120_000) {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const answer = await ask().catch(() => undefined);
    if (answer !== undefined && satisfied(answer)) return answer;
    if (performance.now() > deadline) throw new Error('what is measured did not happen in time');
    await sleep(pauseMs);
  }
}
