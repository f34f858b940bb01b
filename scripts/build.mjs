// Builds dist/ from src/: the command line and the node host (see cached-bundle.mjs), and the library. What was built
// before stays in place until the new one is whole.
//
//   node scripts/build.mjs              code caches as they are after loading the bundles
//   node scripts/build.mjs --rehearse   code caches as they are after a cluster's life; see rehearsal.mjs
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { buildCachedBundle } from './cached-bundle.mjs';
import { rehearse } from './rehearsal.mjs';
import { unused } from './unused.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const fresh = join(root, '.tmp', `dist-${process.pid}`);
const old = join(root, '.tmp', `old-dist-${process.pid}`);

const library = {
  absWorkingDir: root,
  outdir: fresh,
  bundle: true,
  platform: 'node',
  target: 'node20.17',
  logLevel: 'warning',
  legalComments: 'none',
  minifySyntax: true,
  alias: unused,
  // Whoever uses the helper for a test runner has the test runner.
  external: ['vitest', 'vitest/node'],
};

try {
  await mkdir(fresh, { recursive: true });
  await Promise.all([
    buildCachedBundle({ entry: 'src/cli/main.ts', name: 'cli', dist: fresh, earlier: dist }),
    buildCachedBundle({ entry: 'src/embedded/host/main.ts', name: 'node-host', dist: fresh, earlier: dist }),
    build({
      ...library,
      entryPoints: {
        fixture: 'src/fixture/index.ts',
        vitest: 'src/fixture/vitest.ts',
        'vitest-global-setup': 'src/fixture/vitest-global-setup.ts',
        'node-test': 'src/fixture/node-test.ts',
        'global-setup': 'src/fixture/global-setup.ts',
      },
      splitting: true,
      chunkNames: 'chunks/[name]-[hash]',
      format: 'esm',
      banner: {
        js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
      },
    }),
    // For test runners that load everything with `require`, as Jest does.
    build({
      ...library,
      entryPoints: { fixture: 'src/fixture/index.ts', 'global-setup': 'src/fixture/global-setup.ts' },
      outExtension: { '.js': '.cjs' },
      format: 'cjs',
      banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
      define: { 'import.meta.url': 'bundleUrl' },
    }),
  ]);
  // The declarations are made by another program, whenever it is asked to.
  await moveIfThere(join(dist, 'types'), join(fresh, 'types'));
  await moveIfThere(dist, old);
  await rename(fresh, dist);
} finally {
  await Promise.all([fresh, old].map((folder) => rm(folder, { recursive: true, force: true })));
}
if (process.argv.includes('--rehearse')) await rehearse(root);

async function moveIfThere(from, to) {
  await rename(from, to).catch((error) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
