import type { AppInfo, Task } from '../../protocols/marathon/types.ts';
import { openApps } from '../apps-place.ts';
import type { CommandContext, Style } from '../spec.ts';
import { formatTable } from '../table.ts';

/** `apps`: what runs, as DESIGN's `apps --json` and as a table. */
export async function run(context: CommandContext): Promise<void> {
  const { marathon } = await openApps(context);
  const apps = (await marathon.appsWithTasks()).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const withTasks = context.options.tasks === true;
  context.output.result(apps.map(toDocument), toText(apps, withTasks, context.output.style));
}

function toDocument(app: AppInfo) {
  return {
    id: app.id,
    instances: app.instances,
    tasksRunning: app.tasksRunning ?? 0,
    tasksHealthy: app.tasksHealthy ?? 0,
    tasksUnhealthy: app.tasksUnhealthy ?? 0,
    version: app.version,
    deployments: (app.deployments ?? []).map(({ id }) => id),
    tasks: (app.tasks ?? []).map((task) => ({
      id: task.id,
      host: task.host,
      ports: task.ports,
      state: task.state,
      healthy: isHealthy(task),
    })),
  };
}

/** undefined without health checks or before the first result. */
function isHealthy(task: Task): boolean | undefined {
  if (task.healthCheckResults.length === 0) return undefined;
  return task.healthCheckResults.every(({ alive }) => alive);
}

function toText(apps: readonly AppInfo[], withTasks: boolean, style: Style): string {
  if (apps.length === 0) return 'No apps. Try `devcluster samples deploy` or `devcluster deploy my-app.json`.';
  const rows = apps.flatMap((app) => [
    appRow(app, style),
    ...(withTasks ? (app.tasks ?? []).map((task) => taskRow(task, style)) : []),
  ]);
  return formatTable([['APP', 'RUNNING', 'HEALTH', 'WHERE', ''].map(style.bold), ...rows]);
}

function appRow(app: AppInfo, style: Style): string[] {
  const running = app.tasksRunning ?? 0;
  const count = `${running}/${app.instances}`;
  const checked = app.healthChecks && app.healthChecks.length > 0;
  const unhealthy = app.tasksUnhealthy ?? 0;
  const health = !checked
    ? '–'
    : unhealthy > 0
      ? style.red(`${unhealthy} unhealthy`)
      : `${app.tasksHealthy ?? 0} healthy`;
  const where = (app.tasks ?? []).flatMap((task) => (task.ports.length > 0 ? [`${task.host}:${task.ports[0]}`] : []));
  const deploying = app.deployments?.length ? style.yellow('deploying') : '';
  return [
    app.id,
    running === app.instances ? style.green(count) : style.yellow(count),
    health,
    shortList(where),
    deploying,
  ];
}

/** One address is enough to try an app out; --tasks shows all of them. */
function shortList(addresses: readonly string[]): string {
  const [first = '', ...others] = addresses;
  return others.length > 0 ? `${first} +${others.length}` : first;
}

function taskRow(task: Task, style: Style): string[] {
  const healthy = isHealthy(task);
  const health = healthy === undefined ? '' : healthy ? 'healthy' : style.red('unhealthy');
  return [
    `  ${task.id}`,
    task.state.replace('TASK_', '').toLowerCase(),
    health,
    `${task.host}${task.ports.length > 0 ? `:${task.ports.join(',')}` : ''}`,
    '',
  ];
}
