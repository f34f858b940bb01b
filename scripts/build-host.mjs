// Builds the node host: one bundle, V8's code cache of it, and the loader that brings the two together.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';

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
};

/** @param {string} [dist] where to, relative to the package */
export async function buildHost(dist = 'dist') {
  const { outputFiles } = await build({
    ...options,
    entryPoints: ['src/embedded/host/main.ts'],
    outfile: `${dist}/node-host-main.cjs`,
    write: false,
  });
  const [bundle] = outputFiles;
  const hash = createHash('sha256').update(bundle.contents).digest('hex').slice(0, 16);
  const bundleFile = `node-host-${hash}.cjs`;
  const cacheFile = `node-host-${hash}.cache`;
  await build({
    ...options,
    entryPoints: ['src/embedded/host/loader.ts'],
    outfile: `${dist}/node-host.cjs`,
    define: { bundleFile: JSON.stringify(bundleFile), cacheFile: JSON.stringify(cacheFile) },
  });
  await writeFile(`${root}/${dist}/${bundleFile}`, bundle.contents);
  await promisify(execFile)(process.execPath, [
    `${root}/${dist}/node-host.cjs`,
    '--write-cache',
    `${root}/${dist}/${cacheFile}`,
  ]);
}
