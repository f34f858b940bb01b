import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { stringify } from 'yaml';
import { loadConfig } from '../../config/load.ts';
import type { ClusterConfig } from '../../config/types.ts';
import { DevclusterError, systemCode } from '../../support/errors.ts';
import { openCluster } from '../open-cluster.ts';
import { argument, type CommandContext, textOption } from '../spec.ts';

/** A file to be written, and what --json shows of it. */
interface Generated {
  document: unknown;
  text: string;
}

/** `generate WHAT`: what devcluster would run, as files to keep. */
export async function run(context: CommandContext): Promise<void> {
  const { document, text } = await generators[argument(context, 'what') ?? 'config']!(context);
  const file = textOption(context, 'output');
  if (file === undefined) return context.output.result(document, text);
  try {
    await writeFile(resolve(context.cwd, file), text, { flag: context.globals.yes ? 'w' : 'wx' });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    throw new DevclusterError('conflict', 'FILE_EXISTS', `There is a file ${file} already`, {
      hint: 'Give another name with --output, or --yes to replace it.',
    });
  }
  context.output.result({ file }, `Wrote ${file}.`);
}

const generators: Readonly<Record<string, (context: CommandContext) => Promise<Generated>>> = {
  /** The configuration as it would be used, every default written out. */
  async config(context) {
    const { config } = await loadConfig({
      cwd: context.cwd,
      env: context.env,
      file: context.globals.config,
      flags: { name: context.globals.cluster },
    });
    const document = toRaw(config);
    const heading = '# devcluster.yml; schema/devcluster.schema.json of the package describes every key.';
    return { document, text: `${heading}\n${stringify(document)}` };
  },
  /** The cluster's nodes for Ansible. */
  async inventory(context) {
    const { plan } = await openCluster(context);
    const { inventory } = await import('../inventory.ts');
    const document = inventory(plan);
    const heading = `# Ansible inventory of the cluster '${plan.name}': ansible-playbook -i inventory.yml …`;
    return { document, text: `${heading}\n${stringify(document)}` };
  },
};

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
