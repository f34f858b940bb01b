// Lets a cluster live for a moment, so that the code caches hold what really runs and not only what is loaded: a node's
// host then starts with a fifth less work. Only ever an improvement: whatever goes wrong, the caches stay as they were.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const limitMs = 30_000;

/** @param {string} root the package, built */
export async function rehearse(root) {
  const dist = join(root, 'dist');
  const caches = (await readdir(dist)).filter((name) => name.endsWith('.cache'));
  if (caches.every((name) => existsSync(join(dist, `${name}.rehearsed`)))) return;
  const folder = await mkdtemp(join(tmpdir(), 'devcluster-rehearsal-'));
  // Beside the caches, so that a new one can be moved into its place in one step.
  const written = await mkdtemp(join(dist, '.rehearsal-'));
  const env = {
    ...process.env,
    XDG_STATE_HOME: folder,
    DEVCLUSTER_NAME: `rehearsal-${process.pid}`,
    DEVCLUSTER_WRITE_CACHES: written,
  };
  const devcluster = (...args) => run([join(root, 'bin/devcluster.js'), ...args], { cwd: folder, env });
  try {
    if ((await devcluster('up', '--runtime', 'process', '--engine', 'embedded')) !== 0) return;
    for (const command of ['status', 'apps', 'stop']) await devcluster(command);
    for (const name of caches) {
      const best = await largest(written, name);
      if (!best) continue;
      await rename(best, join(dist, name));
      await writeFile(join(dist, `${name}.rehearsed`), '');
    }
  } finally {
    await devcluster('down');
    await Promise.all([folder, written].map((path) => rm(path, { recursive: true, force: true })));
  }
}

/** Each process wrote its own; the one that has done the most has compiled the most. */
async function largest(folder, name) {
  const paths = (await readdir(folder)).filter((file) => file.startsWith(`${name}.`)).map((file) => join(folder, file));
  const sizes = await Promise.all(paths.map(async (path) => ({ path, size: (await stat(path)).size })));
  return sizes.sort((a, b) => b.size - a.size)[0]?.path;
}

/** @returns {Promise<number>} the exit code, -1 when it was ended for taking too long */
function run(args, options) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      ...options,
      stdio: 'ignore',
      timeout: limitMs,
      killSignal: 'SIGKILL',
    });
    child.once('error', () => resolve(-1));
    child.once('exit', (code) => resolve(code ?? -1));
  });
}
