// Writes schema/devcluster.schema.json from the configuration's schema.
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const { outputFiles } = await build({
  absWorkingDir: root,
  entryPoints: ['src/config/schema.ts'],
  bundle: true,
  write: false,
  platform: 'node',
  format: 'esm',
});
const module = `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`;
const { jsonSchema } = await import(module);
const file = fileURLToPath(new URL('../schema/devcluster.schema.json', import.meta.url));
await writeFile(file, `${JSON.stringify(jsonSchema(), undefined, 2)}\n`);
