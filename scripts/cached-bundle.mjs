// Builds a program as one bundle, V8's code cache of it, and the loader that brings the two together.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { unused } from './unused.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const options = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20.17',
  format: 'cjs',
  charset: 'ascii',
  logLevel: 'warning',
  legalComments: 'none',
  minify: true,
  keepNames: true,
  alias: unused,
  // In a CommonJS bundle a module's own address is that of the bundle.
  banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
  define: { 'import.meta.url': 'bundleUrl' },
};

/**
 * @param {{ entry: string, name: string, dist: string, earlier: string }} program
 *   entry: the program, exporting `loadAll` which evaluates what is loaded later; name: of the loader, `<name>.cjs`;
 *   dist: folder to build to; earlier: folder of the last build, whose code cache is kept where the bundle is the same;
 */
export async function buildCachedBundle({ entry, name, dist, earlier }) {
  const { outputFiles } = await build({
    ...options,
    entryPoints: [entry],
    outfile: join(dist, `${name}-main.cjs`),
    write: false,
  });
  const [bundle] = outputFiles;
  const hash = createHash('sha256').update(bundle.contents).digest('hex').slice(0, 16);
  const bundleFile = `${name}-${hash}.cjs`;
  // V8 refuses the cache of another version, so each has its own.
  const cacheFile = `${name}-${hash}.${process.version}-${process.arch}.cache`;
  await build({
    ...options,
    banner: {},
    entryPoints: ['src/support/bundle-loader.ts'],
    outfile: join(dist, `${name}.cjs`),
    define: { bundleFile: JSON.stringify(bundleFile), cacheFile: JSON.stringify(cacheFile) },
  });
  await writeFile(join(dist, bundleFile), bundle.contents);
  const kept = await copyFile(join(earlier, cacheFile), join(dist, cacheFile)).then(
    () => true,
    () => false,
  );
  if (kept)
    await copyFile(join(earlier, `${cacheFile}.rehearsed`), join(dist, `${cacheFile}.rehearsed`)).catch(() => {});
  else await promisify(execFile)(process.execPath, [join(dist, `${name}.cjs`), '--write-cache', join(dist, cacheFile)]);
}
