import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { stringify } from 'yaml';
import { loadConfig } from '../../config/load.ts';
import type { ClusterConfig } from '../../config/types.ts';
import { type CommandContext, textOption } from '../spec.ts';

/** `generate config`: the configuration as it would be used, every default written out. */
export async function run(context: CommandContext): Promise<void> {
  const { config } = await loadConfig({
    cwd: context.cwd,
    env: context.env,
    file: context.globals.config,
    flags: { name: context.globals.cluster },
  });
  const document = toRaw(config);
  const text = `# devcluster.yml; schema/devcluster.schema.json of the package describes every key.\n${stringify(document)}`;
  const file = textOption(context, 'output');
  if (file === undefined) return context.output.result(document, text);
  await writeFile(resolve(context.cwd, file), text, { flag: context.globals.yes ? 'w' : 'wx' });
  context.output.result({ file }, `Wrote ${file}.`);
}

/** In the form in which a file says it. */
function toRaw({ nodes, components, ...config }: ClusterConfig): Record<string, unknown> {
  return {
    version: 1,
    ...config,
    nodes: nodes.map(({ taskPorts, ...node }) => ({ ...node, ports: taskPorts })),
    components: Object.fromEntries(
      Object.entries(components).filter(([, component]) => JSON.stringify(component) !== '{"env":{},"flags":{}}'),
    ),
  };
}
