import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { stringify } from 'yaml';
import { loadConfig } from '../../config/load.ts';
import type { ClusterConfig } from '../../config/types.ts';
import { DevclusterError, systemCode } from '../../support/errors.ts';
import { clusterContext, openCluster } from '../open-cluster.ts';
import { argument, type CommandContext, textOption } from '../spec.ts';

/** A file to be written, and what --json shows of it. */
interface Generated {
  document: unknown;
  text: string;
  /** Files that have to lie beside it, by paths relative to it. */
  beside?: readonly { path: string; content: Buffer; mode: number }[];
}

/** `generate WHAT`: what devcluster would run, as files to keep. */
export async function run(context: CommandContext): Promise<void> {
  const { document, text, beside = [] } = await generators[argument(context, 'what') ?? 'config']!(context);
  const file = textOption(context, 'output');
  if (file === undefined) {
    if (beside.length > 0)
      throw new DevclusterError('usage', 'USAGE', `${beside.length} more files have to lie beside this one`, {
        hint: 'Name a file with --output; the others are written into its folder.',
      });
    return context.output.result(document, text);
  }
  try {
    await writeFile(resolve(context.cwd, file), text, { flag: context.globals.yes ? 'w' : 'wx' });
    for (const { path, content, mode } of beside) {
      const target = resolve(context.cwd, dirname(file), path);
      await mkdir(dirname(target), { recursive: true });
      await writeFile(target, content, { mode });
    }
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
  /** The cluster for docker-compose, without devcluster. */
  async compose(context) {
    const { config } = await loadConfig({
      cwd: context.cwd,
      env: context.env,
      file: context.globals.config,
      flags: { name: context.globals.cluster },
    });
    const { composition } = await import('../../cluster/composition.ts');
    const { document, files } = await composition(clusterContext(context), config, context.env);
    const heading = `# The cluster '${config.name}' for docker-compose; see docs/docker.md of devcluster.`;
    return { document, text: `${heading}\n${stringify(document, { lineWidth: 0 })}`, beside: files };
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
