import { findTask } from '../../apps/app-tasks.ts';
import type { Sandbox } from '../../clients/mesos.ts';
import { findNode } from '../../cluster/target.ts';
import type { NodePlan } from '../../plan/types.ts';
import { DevclusterError } from '../../support/errors.ts';
import { appId } from '../deploying.ts';
import { type CliCluster, openCluster } from '../open-cluster.ts';
import { argument, argumentList, type CommandContext } from '../spec.ts';

/** `exec NODE|app:ID|task:ID -- COMMAND…`: its exit code is the command's. */
export async function run(context: CommandContext): Promise<number> {
  const cluster = await openCluster(context);
  const { runtime, plan } = cluster;
  const target = argument(context, 'target') ?? '';
  const command = argumentList(context, 'command');
  if (target.startsWith('app:') || target.startsWith('task:')) {
    const id = target.startsWith('app:')
      ? await taskOf(context, cluster, appId(target.slice(4)))
      : await findTask(cluster.mesos, target.slice(5));
    const sandbox = await cluster.mesos.sandbox(id);
    return runtime.exec(plan, nodeOf(cluster, sandbox), command, { id, sandbox: sandbox.directory });
  }
  const [name = '', ...rest] = target.split('/');
  const node = findNode(plan, name);
  if (rest.length > 0)
    throw new DevclusterError('usage', 'USAGE', `Commands run on a node or in a task, not in '${target}'`, {
      hint: `Use \`devcluster exec ${name} -- …\` or \`devcluster exec app:/my-app -- …\`.`,
    });
  return runtime.exec(plan, node, command);
}

/** A running task of the app; of several the first by host. */
async function taskOf(context: CommandContext, { marathon }: CliCluster, id: string): Promise<string> {
  const { tasks = [] } = await marathon.app(id);
  const running = tasks.filter(({ state }) => state === 'TASK_RUNNING').sort((a, b) => (a.host < b.host ? -1 : 1));
  const [first, ...others] = running;
  if (!first)
    throw new DevclusterError('notFound', 'NO_RUNNING_TASK', `${id} has no running task`, {
      hint: `See \`devcluster logs app:${id}\`.`,
    });
  if (others.length > 0) context.progress.detail(`in ${first.id} on ${first.host}, one of ${running.length}`);
  return first.id;
}

function nodeOf({ plan }: CliCluster, { agentUrl, taskId }: Sandbox): NodePlan {
  const node = plan.nodes.find(({ site }) => {
    const { host, port } = site.published['mesos-agent'];
    return agentUrl === `http://${host}:${port}`;
  });
  if (node) return node;
  throw new DevclusterError('notFound', 'NO_SUCH_NODE', `No node of '${plan.name}' runs the task '${taskId}'`);
}
