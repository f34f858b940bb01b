import { type Listed, type ListedTask, listedApp, listedPod } from '../../apps/listed.ts';
import type { MarathonClient } from '../../clients/marathon.ts';
import { openApps } from '../apps-place.ts';
import type { CommandContext, Style } from '../spec.ts';
import { formatTable } from '../table.ts';

/** `apps`: what runs, as DESIGN's `apps --json` and as a table. */
export async function run(context: CommandContext): Promise<void> {
  const { marathon } = await openApps(context);
  const apps = (await listAll(marathon)).toSorted((a, b) => (a.document.id < b.document.id ? -1 : 1));
  const withTasks = context.options.tasks === true;
  const documents = apps.map(({ document }) => document);
  context.output.result(documents, toText(apps, withTasks, context.output.style));
}

async function listAll(marathon: MarathonClient): Promise<Listed[]> {
  const [apps, pods] = await Promise.all([marathon.appsWithTasks(), marathon.pods()]);
  const deployments = pods.length > 0 ? await marathon.deployments() : [];
  return [...apps.map(listedApp), ...pods.map((pod) => listedPod(pod, deployments))];
}

function toText(apps: readonly Listed[], withTasks: boolean, style: Style): string {
  if (apps.length === 0) return 'No apps. Try `devcluster samples deploy` or `devcluster deploy my-app.json`.';
  const rows = apps.flatMap((app) => [
    appRow(app, style),
    ...(withTasks ? app.document.tasks.map((task) => taskRow(task, style)) : []),
  ]);
  return formatTable([['APP', 'RUNNING', 'HEALTH', 'WHERE', ''].map(style.bold), ...rows]);
}

function appRow({ document: app, instancesRunning, checked }: Listed, style: Style): string[] {
  const count = `${instancesRunning}/${app.instances}`;
  const health = !checked
    ? '–'
    : app.tasksUnhealthy > 0
      ? style.red(`${app.tasksUnhealthy} unhealthy`)
      : `${app.tasksHealthy} healthy`;
  const where = app.tasks.flatMap((task) => (task.ports.length > 0 ? [`${task.host}:${task.ports[0]}`] : []));
  const deploying = app.deployments.length > 0 ? style.yellow('deploying') : '';
  return [
    app.id,
    instancesRunning === app.instances ? style.green(count) : style.yellow(count),
    health,
    shortList(where),
    [app.pod ? style.dim('pod') : '', deploying].filter(Boolean).join(' '),
  ];
}

/** One address is enough to try an app out; --tasks shows all of them. */
function shortList(addresses: readonly string[]): string {
  const [first = '', ...others] = addresses;
  return others.length > 0 ? `${first} +${others.length}` : first;
}

function taskRow(task: ListedTask, style: Style): string[] {
  const health = task.healthy === undefined ? '' : task.healthy ? 'healthy' : style.red('unhealthy');
  return [
    `  ${task.id}`,
    task.state.replace('TASK_', '').toLowerCase(),
    health,
    `${task.host ?? ''}${task.ports.length > 0 ? `:${task.ports.join(',')}` : ''}`,
    '',
  ];
}
