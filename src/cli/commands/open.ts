import { spawn } from 'node:child_process';
import { describe } from '../../cluster/status.ts';
import { DevclusterError } from '../../support/errors.ts';
import { type CliCluster, openCluster } from '../open-cluster.ts';
import { argument, type CommandContext } from '../spec.ts';

/** `open [mesos|marathon|APP]`: prints the address and opens it in the browser. */
export async function run(context: CommandContext): Promise<void> {
  const cluster = await openCluster(context);
  const url = await urlOf(cluster, argument(context, 'page') ?? 'marathon');
  context.output.result({ url }, url);
  // A script wants the address only.
  if (process.stdout.isTTY && !context.output.json) await openInBrowser(url);
}

async function urlOf(cluster: CliCluster, page: string): Promise<string> {
  if (page === 'mesos' || page === 'marathon') {
    const { endpoints } = await describe(cluster.record, cluster.runtime);
    return endpoints?.[page] ?? '';
  }
  const id = `/${page.split('/').filter(Boolean).join('/')}`;
  const app = await cluster.marathon.app(id);
  const task = (app.tasks ?? []).find(({ ports, state }) => state === 'TASK_RUNNING' && ports.length > 0);
  if (!task)
    throw new DevclusterError('notFound', 'NO_ADDRESS', `${id} has no running task with a port`, {
      hint: 'See `devcluster apps --tasks`.',
    });
  return `http://${task.host}:${task.ports[0]}`;
}

function openInBrowser(url: string): Promise<void> {
  const program = process.platform === 'darwin' ? 'open' : 'xdg-open';
  return new Promise((resolve, reject) => {
    const child = spawn(program, [url], { stdio: 'ignore', detached: true });
    child.once('error', () =>
      reject(
        new DevclusterError('missing', 'NO_BROWSER', `There is no '${program}' to open ${url} with`, {
          hint: 'Open the address yourself.',
        }),
      ),
    );
    child.once('spawn', () => {
      child.unref();
      resolve();
    });
  });
}
