// Builds the images of this folder in the Docker engine that DOCKER_HOST names, or the local one:
//
//   node test/docker/images/build.mjs
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const outfile = fileURLToPath(new URL(`./.build-${process.pid}.mjs`, import.meta.url));
try {
  await build({
    stdin: {
      contents: "export * from './build.ts'; export { default as Docker } from 'dockerode';",
      resolveDir: fileURLToPath(new URL('.', import.meta.url)),
    },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    define: { 'import.meta.url': JSON.stringify(import.meta.url) },
    absWorkingDir: root,
  });
  const { buildTestImages, Docker } = await import(outfile);
  const begun = performance.now();
  const built = await buildTestImages(new Docker());
  console.log(
    `${built.length > 0 ? `built ${built.join(', ')}` : 'all images are there'} in ${((performance.now() - begun) / 1000).toFixed(1)} s`,
  );
} finally {
  rmSync(outfile, { force: true });
}
