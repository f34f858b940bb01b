import type { AppDefinition, PathId, Task } from '../../../protocols/marathon/types.ts';
import type { HttpAnswer, HttpRequest, Route } from '../../../support/http-server.ts';
import { isActive } from '../instances.ts';
import type { LeaderSession } from '../leader/session.ts';
import { taskJson } from '../model/app-info.ts';
import { getGroup, putApps, transitiveApps } from '../model/group.ts';
import { parseInstanceId, parseTaskId } from '../model/ids.ts';
import { type Instance, launchOf } from '../model/instance.ts';
import { safePath } from '../model/path-id.ts';
import { servicePorts } from '../model/ports.ts';
import { good, problems } from '../model/problem.ts';
import { checkTaskIds } from '../model/schema.ts';
import {
  type ApiContext,
  deploy,
  deploymentAnswer,
  flag,
  idOf,
  jsonBody,
  problemError,
  valueOrThrow,
} from './context.ts';

/** Tasks, below apps and all of them. Source: api/v2/AppTasksResource.scala, TasksResource.scala, api/TaskKiller.scala. */
export function taskRoutes(context: ApiContext): Route[] {
  const tasksOf = (session: LeaderSession, app: AppDefinition): Task[] => {
    const tasks: Task[] = [];
    for (const instance of session.tracker.ofApp(app.id)) {
      const task = taskJson(app, instance, session.health.get(instance.id) ?? []);
      if (task) tasks.push({ ...task, servicePorts: servicePorts(app) });
    }
    return tasks;
  };

  const ofApp: Route['handler'] = (request) => {
    const session = context.session();
    const app = session.catalog.app(idOf(request));
    if (!app) throw problemError(problems.unknownApp(idOf(request)));
    if (wantsText(request)) return textAnswer(session, [app]);
    return { status: 200, body: { tasks: tasksOf(session, app) } };
  };

  const ofGroup: Route['handler'] = (request) => {
    const session = context.session();
    const id = idOf(request);
    const group = getGroup(session.catalog.root, id);
    if (!group) throw problemError(problems.unknownGroup(id));
    return { status: 200, body: { tasks: transitiveApps(group).flatMap((app) => tasksOf(session, app)) } };
  };

  const all: Route['handler'] = (request) => {
    const session = context.session();
    const apps = session.catalog.apps();
    if (wantsText(request)) return textAnswer(session, apps);
    const wanted = [...request.query.getAll('status'), ...request.query.getAll('status[]')].filter(
      (status) => status === 'running' || status === 'staging',
    );
    const tasks = apps.flatMap((app) => tasksOf(session, app));
    const chosen =
      wanted.length === 0
        ? tasks
        : tasks.filter(
            ({ state }) =>
              (wanted.includes('running') && state === 'TASK_RUNNING') ||
              (wanted.includes('staging') && (state === 'TASK_STAGING' || state === 'TASK_STARTING')),
          );
    return { status: 200, body: { tasks: chosen } };
  };

  /** Ends tasks; with `scale` the apps shrink by as many. */
  const kill = async (
    request: HttpRequest,
    session: LeaderSession,
    victims: readonly Instance[],
    answer: (tasks: Task[]) => object,
  ): Promise<HttpAnswer> => {
    const scale = flag(request, 'scale', false);
    const wipe = flag(request, 'wipe', false);
    if (scale && wipe) throw problemError(problems.badRequest('You cannot use scale and wipe at the same time.'));
    if (scale) {
      const sentenced: Record<PathId, string[]> = {};
      for (const { appId, id } of victims) (sentenced[appId] ??= []).push(id);
      const plan = await deploy(session, {
        id: '/',
        force: flag(request, 'force', false),
        sentenced,
        apply: (root, now) => {
          const apps = Object.entries(sentenced).flatMap(([id, ids]) => {
            const spec = session.catalog.spec(id);
            if (!spec) return [];
            const counted = ids.filter((instanceId) => {
              const instance = session.tracker.get(instanceId);
              return instance && isActive(instance) && instance.condition !== 'Killing' && instance.goal === 'Running';
            });
            return [{ ...spec, instances: Math.max(0, spec.instances - counted.length) }];
          });
          return good(putApps(root, apps, now));
        },
      });
      return deploymentAnswer(plan);
    }
    const tasks = victims.flatMap((instance) => {
      const app = session.catalog.app(instance.appId);
      const task = app && taskJson(app, instance, session.health.get(instance.id) ?? []);
      return task ? [task] : [];
    });
    // Wiping forgets the instance itself; another takes its place.
    if (wipe) session.decommission(victims.map(({ id }) => id));
    else for (const { id } of victims) session.killer.kill(id);
    for (const appId of new Set(victims.map((victim) => victim.appId))) session.housekeeping.checkScale(appId);
    return { status: 200, body: answer(tasks) };
  };

  const killOfApp: Route['handler'] = (request) => {
    const session = context.session();
    const id = idOf(request);
    if (!session.catalog.app(id)) throw problemError(problems.unknownApp(id));
    const host = request.query.get('host');
    const victims = killable(session, id).filter(
      (instance) => host === null || host === '*' || instance.placement?.host === host,
    );
    return kill(request, session, victims, (tasks) => ({ tasks }));
  };

  const killOne: Route['handler'] = (request) => {
    const session = context.session();
    const id = idOf(request);
    const taskId = request.params.task ?? '';
    if (!session.catalog.app(id)) throw problemError(problems.unknownApp(id));
    const victim = killable(session, id).find((instance) => instance.task?.id === taskId || instance.id === taskId);
    if (!victim) throw problemError(problems.unknownTask(taskId));
    return kill(request, session, [victim], ([task]) => ({ task }));
  };

  const killMany: Route['handler'] = async (request) => {
    const { ids } = valueOrThrow(checkTaskIds(await jsonBody(request)));
    const session = context.session();
    const victims = new Map<string, Instance>();
    for (const id of ids) {
      const instanceId = parseTaskId(id)?.instanceId ?? (parseInstanceId(id) ? id : undefined);
      if (instanceId === undefined)
        throw problemError(
          problems.badRequest(
            `Invalid task id '${id}'. [Expected <app>.instance-<uuid>._app.<incarnation>, as /v2/tasks lists them]`,
          ),
        );
      const instance = session.tracker.get(instanceId);
      if (instance && launchOf(instance) !== undefined) victims.set(instance.id, instance);
    }
    return kill(request, session, [...victims.values()], (tasks) => ({ tasks }));
  };

  return [
    { method: 'GET', path: /^\/v2\/apps\/(?<id>.*?)\/?\*\/tasks\/?$/, handler: ofGroup },
    { method: 'GET', path: /^\/v2\/apps\/(?<id>.+?)\/tasks\/?$/, handler: ofApp },
    { method: 'DELETE', path: /^\/v2\/apps\/(?<id>.+?)\/tasks\/?$/, handler: killOfApp },
    { method: 'DELETE', path: /^\/v2\/apps\/(?<id>.+?)\/tasks\/(?<task>[^/]+)\/?$/, handler: killOne },
    { method: 'GET', path: /^\/v2\/tasks\/?$/, handler: all },
    { method: 'POST', path: /^\/v2\/tasks\/delete\/?$/, handler: killMany },
  ];
}

function killable(session: LeaderSession, appId: PathId): Instance[] {
  return session.tracker.ofApp(appId).filter((instance) => instance.task && instance.condition !== 'Scheduled');
}

function wantsText(request: HttpRequest): boolean {
  return /^text\/plain\b/.test(String(request.headers.accept ?? ''));
}

/** The plain form of releases up to 1.9: one line an app and service port, with the addresses of what runs. */
function textAnswer(session: LeaderSession, apps: readonly AppDefinition[]): HttpAnswer {
  const lines = apps.flatMap((app) => {
    const name = safePath(app.id);
    const running = session.tracker.ofApp(app.id).filter((instance) => instance.condition === 'Running');
    const ports = servicePorts(app);
    const host = (instance: Instance) => instance.placement?.host ?? '';
    if (ports.length === 0) return [`${name}\t \t${running.map((instance) => `${host(instance)}\t`).join('')}\n`];
    return ports.map((port, i) => {
      const places = running.filter((instance) => instance.task?.hostPorts[i] !== undefined);
      return `${name}\t${port}\t${places.map((one) => `${host(one)}:${one.task?.hostPorts[i]}\t`).join('')}\n`;
    });
  });
  return { status: 200, headers: { 'Content-Type': 'text/plain' }, body: lines.join('') };
}
