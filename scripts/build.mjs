// Builds dist/ from src/: the command line (split, so that a command loads only what it needs), the node host (see
// build-host.mjs) and the library.
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { buildHost } from './build-host.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const banner = {
  js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
};
/** dockerode brings optional native modules; it stays a package of its own. */
const external = ['dockerode'];
const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20.17',
  format: 'esm',
  banner,
  external,
  logLevel: 'warning',
  sourcemap: false,
  legalComments: 'none',
  metafile: true,
};

await rm(new URL('../dist', import.meta.url), { recursive: true, force: true });
await Promise.all([
  build({
    ...common,
    entryPoints: { cli: 'src/cli/main.ts', fixture: 'src/fixture/index.ts' },
    outdir: 'dist',
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    minifySyntax: true,
  }),
  buildHost(),
]);
