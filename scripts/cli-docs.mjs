// Writes docs/cli.md from the table of commands.
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const { outputFiles } = await build({
  absWorkingDir: root,
  stdin: {
    contents: `export { commands } from './src/cli/commands.ts'; export { commandReference } from './src/cli/cli-docs.ts';`,
    resolveDir: root,
  },
  bundle: true,
  write: false,
  platform: 'node',
  format: 'cjs',
  // What commands do is of no interest here.
  plugins: [
    {
      name: 'no-commands',
      setup: ({ onResolve }) => onResolve({ filter: /^\.\/commands\// }, ({ path }) => ({ path, external: true })),
    },
  ],
});
const module = { exports: {} };
new Function('module', 'exports', 'require', outputFiles[0].text)(
  module,
  module.exports,
  createRequire(import.meta.url),
);
const { commands, commandReference } = module.exports;
await writeFile(new URL('../docs/cli.md', import.meta.url), commandReference(commands));
