import { clusterEnvironment } from '../../cluster/environment.ts';
import { describe } from '../../cluster/status.ts';
import { openCluster } from '../open-cluster.ts';
import { type CommandContext, textOption } from '../spec.ts';

/** `env`: what tools and tests need to find the cluster. */
export async function run(context: CommandContext): Promise<void> {
  const { record, plan, runtime } = await openCluster(context);
  const { endpoints } = await describe(record, runtime);
  const variables = clusterEnvironment(plan, endpoints);
  const shell = textOption(context, 'shell') ?? guessShell(context.env.SHELL);
  const lines = Object.entries(variables).map(([name, value]) => assignment(shell, name, value));
  context.output.result(variables, lines.join('\n'));
}

function guessShell(path: string | undefined): string {
  return path?.endsWith('/fish') ? 'fish' : 'sh';
}

function assignment(shell: string, name: string, value: string): string {
  if (shell === 'dotenv') return `${name}=${value}`;
  const quoted = `'${value.replaceAll("'", shell === 'fish' ? "\\'" : "'\\''")}'`;
  return shell === 'fish' ? `set -gx ${name} ${quoted};` : `export ${name}=${quoted}`;
}
