// Runs the suite of the real engine on images that are given, instead of those that stand in for them:
//
//   npm run test:real -- --images FILE
//
// FILE is YAML: a reference for each component (zookeeper, mesos-master, mesos-agent, marathon, mesos-dns) and, if an
// upgrade is to be tried, others under `upgrade`. Images of a registry are pulled, those built on this machine are taken
// as they are, and a component without one is embedded. Without --images the stand-ins are used. Needs a Docker engine.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readImagesFile } from './images-file.mjs';

const args = process.argv.slice(2);
const [flag, file, ...rest] = args;
if (args.length > 0 && (flag !== '--images' || file === undefined || rest.length > 0))
  fail('usage: npm run test:real -- --images FILE');
if (file !== undefined) {
  const { mistakes } = readImagesFile(file);
  if (mistakes.length > 0)
    fail(
      [
        `${file} can't be used:`,
        ...mistakes.map((mistake) => `  ${mistake}`),
        'Mend it and try again; docs/real-engine.md shows one.',
      ].join('\n'),
    );
}
const root = fileURLToPath(new URL('..', import.meta.url));
if (!existsSync(resolve(root, 'dist/node-host.cjs'))) fail('dist/ is missing: run `npm run build` first.');
const { status } = spawnSync(
  process.execPath,
  [resolve(root, 'node_modules/vitest/vitest.mjs'), 'run', '--project', 'docker', 'test/docker/real-engine.test.ts'],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...(file === undefined ? {} : { DEVCLUSTER_TEST_IMAGES: resolve(file) }) },
  },
);
process.exitCode = status ?? 1;

function fail(text) {
  process.stderr.write(`${text}\n`);
  process.exit(2);
}
