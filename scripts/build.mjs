// Builds dist/ from src/: the command line, the node host and the library.
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { buildCachedBundle } from './cached-bundle.mjs';

/** dockerode brings optional native modules; it stays a package of its own. */
const external = ['dockerode'];

await rm(new URL('../dist', import.meta.url), { recursive: true, force: true });
await Promise.all([
  buildCachedBundle({ entry: 'src/cli/main.ts', name: 'cli', external }),
  buildCachedBundle({ entry: 'src/embedded/host/main.ts', name: 'node-host' }),
  build({
    absWorkingDir: fileURLToPath(new URL('..', import.meta.url)),
    entryPoints: { fixture: 'src/fixture/index.ts' },
    outdir: 'dist',
    bundle: true,
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    platform: 'node',
    target: 'node20.17',
    format: 'esm',
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    external,
    logLevel: 'warning',
    legalComments: 'none',
    minifySyntax: true,
  }),
]);
