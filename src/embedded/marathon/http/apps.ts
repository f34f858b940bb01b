import type { AppDefinition, PathId, Timestamp } from '../../../protocols/marathon/types.ts';
import type { HttpRequest, Route } from '../../../support/http-server.ts';
import type { LeaderSession } from '../leader/session.ts';
import { appEmbeds, appInfo } from '../model/app-info.ts';
import { enforcesRoleWhenNew, getGroup, putApp, putApps, removeApp, transitiveApps } from '../model/group.ts';
import { serialiseApp } from '../model/normalize.ts';
import { good, problems, type Result } from '../model/problem.ts';
import type { RawAppUpdate } from '../model/raw.ts';
import { parseSelector } from '../model/selector.ts';
import { readApp, readAppUpdate, readAppUpdates, updateApp, versionToRestore } from '../model/update.ts';
import { restarted } from '../model/versions.ts';
import {
  type ApiContext,
  deploy,
  deploymentAnswer,
  flag,
  idOf,
  jsonBody,
  location,
  problemError,
  readContext,
  stateOf,
  timestampOf,
  valueOrThrow,
} from './context.ts';

/** `/v2/apps` but for the tasks below it. Source: api/v2/AppsResource.scala and AppVersionsResource.scala. */
export function appRoutes(context: ApiContext): Route[] {
  const { clock } = context;

  const known = (session: LeaderSession, id: PathId): AppDefinition => {
    const app = session.catalog.app(id);
    if (!app) throw problemError(problems.unknownApp(id));
    return app;
  };

  const list: Route['handler'] = (request) => {
    const session = context.session();
    const { query } = request;
    const cmd = query.get('cmd')?.toLowerCase();
    const part = query.get('id')?.toLowerCase();
    const label = query.get('label');
    const selects = label ? valueOrThrow(parseSelector(label)) : undefined;
    const embeds = appEmbeds(query.getAll('embed')).add('counts').add('deployments');
    const now = clock.now();
    const apps = [];
    for (const app of session.catalog.apps()) {
      if (cmd && !app.cmd?.toLowerCase().includes(cmd)) continue;
      if (part && !app.id.toLowerCase().includes(part)) continue;
      if (selects && !selects(app.labels)) continue;
      apps.push(appInfo(app, embeds, stateOf(session, app, now)));
    }
    return { status: 200, body: { apps } };
  };

  const create: Route['handler'] = async (request) => {
    const json = await jsonBody(request);
    const session = context.session();
    const reading = readContext(session);
    const app = valueOrThrow(readApp(json, reading));
    if (session.catalog.app(app.id)) throw problemError(problems.appExists(app.id));
    const plan = await deploy(session, {
      id: app.id,
      force: flag(request, 'force', false),
      apply: (root, now) => good(putApp(root, app, now, enforcesRoleWhenNew(session.config))),
    });
    const { version } = plan;
    const created = { ...app, version, versionInfo: { lastScalingAt: version, lastConfigChangeAt: version } };
    announce(request, created);
    return {
      status: 201,
      headers: { 'Marathon-Deployment-Id': plan.id, Location: location(request, app.id) },
      body: appInfo(created, new Set(['counts', 'deployments', 'tasks']), {
        instances: [],
        health: new Map(),
        deployments: [plan.id],
        readiness: [],
        now: clock.now(),
      }),
    };
  };

  const announce = (request: HttpRequest, app: AppDefinition) =>
    context.events.publish({
      eventType: 'api_post_event',
      clientIp: request.remoteAddress,
      uri: request.path,
      appDefinition: serialiseApp(app),
    });

  const read: Route['handler'] = (request) => {
    const session = context.session();
    const app = known(session, idOf(request));
    const embeds = appEmbeds(request.query.getAll('embed'));
    for (const embed of ['counts', 'tasks', 'lastTaskFailure', 'deployments'] as const) embeds.add(embed);
    return { status: 200, body: { app: appInfo(app, embeds, stateOf(session, app, clock.now())) } };
  };

  const readGroup: Route['handler'] = (request) => {
    const session = context.session();
    const group = getGroup(session.catalog.root, idOf(request));
    const embeds = appEmbeds(request.query.getAll('embed')).add('counts').add('deployments');
    const apps = group ? transitiveApps(group) : [];
    const now = clock.now();
    return { status: 200, body: { '*': apps.map((app) => appInfo(app, embeds, stateOf(session, app, now))) } };
  };

  /** Loads the version that an update restores; what reads it afterwards is synchronous. */
  const restorable = async (session: LeaderSession, id: PathId, update: RawAppUpdate) => {
    const wanted = versionToRestore(update);
    const version = wanted === undefined ? undefined : timestampOf(wanted);
    return version === undefined ? undefined : await session.store.app(id, version);
  };

  const replace =
    (create: boolean): Route['handler'] =>
    async (request) => {
      const json = await jsonBody(request);
      const session = context.session();
      const id = idOf(request);
      const update = valueOrThrow(readAppUpdate(json, id, readContext(session)));
      const partial = create ? flag(request, 'partialUpdate', true) : true;
      const restored = await restorable(session, id, update);
      const existed = session.catalog.app(id) !== undefined;
      let changed: AppDefinition | undefined;
      const plan = await deploy(session, {
        id,
        force: flag(request, 'force', false),
        apply: (root, now) => {
          const reading = { ...readContext(session), root, now };
          const app = updateApp(id, update, { partial, create }, reading, () => restored);
          if (!app.ok) return app;
          changed = app.value;
          return good(putApp(root, app.value, now, enforcesRoleWhenNew(session.config)));
        },
      });
      if (changed) announce(request, { ...changed, version: plan.version });
      return existed ? deploymentAnswer(plan) : deploymentAnswer(plan, 201, { Location: location(request, id) });
    };

  const replaceAll =
    (create: boolean): Route['handler'] =>
    async (request) => {
      const json = await jsonBody(request);
      const session = context.session();
      const partial = create ? flag(request, 'partialUpdate', true) : true;
      const updates = valueOrThrow(readAppUpdates(json, readContext(session), partial));
      const restored = new Map<PathId, AppDefinition | undefined>();
      for (const update of updates) restored.set(update.id, await restorable(session, update.id, update));
      const plan = await deploy(session, {
        id: '/',
        force: flag(request, 'force', false),
        apply: (root, now) => {
          const apps: AppDefinition[] = [];
          for (const update of updates) {
            const reading = { ...readContext(session), root, now };
            const app = updateApp(update.id, update, { partial, create }, reading, (id) => restored.get(id));
            if (!app.ok) return app;
            apps.push(app.value);
          }
          return good(putApps(root, apps, now, enforcesRoleWhenNew(session.config)));
        },
      });
      return deploymentAnswer(plan);
    };

  const remove: Route['handler'] = async (request) => {
    const session = context.session();
    const { id } = known(session, idOf(request));
    const plan = await deploy(session, {
      id,
      force: flag(request, 'force', true),
      apply: (root, now) => good(removeApp(root, id, now)),
    });
    return deploymentAnswer(plan);
  };

  const restart: Route['handler'] = async (request) => {
    const session = context.session();
    const { id } = known(session, idOf(request));
    const plan = await deploy(session, {
      id,
      force: flag(request, 'force', false),
      apply: (root, now): Result<typeof root> => {
        const app = session.catalog.app(id);
        return app ? good(putApp(root, restarted(app, now), now)) : { ok: false, problem: problems.unknownApp(id) };
      },
    });
    return deploymentAnswer(plan);
  };

  const versions: Route['handler'] = (request) => {
    const session = context.session();
    const { id } = known(session, idOf(request));
    return { status: 200, body: { versions: session.store.appVersions(id) } };
  };

  const versionOf: Route['handler'] = async (request) => {
    const session = context.session();
    const id = idOf(request);
    const text = request.params.version ?? '';
    const version: Timestamp | undefined = timestampOf(text);
    if (version === undefined) throw problemError(problems.illegal(`Invalid format: "${text}"`));
    const app = await session.store.app(id, version);
    if (!app) throw problemError(problems.unknownApp(id, version));
    return { status: 200, body: serialiseApp(app) };
  };

  return [
    { method: 'GET', path: /^\/v2\/apps\/?$/, handler: list },
    { method: 'POST', path: /^\/v2\/apps\/?$/, handler: create },
    { method: 'PUT', path: /^\/v2\/apps\/?$/, handler: replaceAll(true) },
    { method: 'PATCH', path: /^\/v2\/apps\/?$/, handler: replaceAll(false) },
    { method: 'POST', path: /^\/v2\/apps\/(?<id>.+?)\/restart\/?$/, handler: restart },
    { method: 'GET', path: /^\/v2\/apps\/(?<id>.+?)\/versions\/(?<version>[^/]+)\/?$/, handler: versionOf },
    { method: 'GET', path: /^\/v2\/apps\/(?<id>.+?)\/versions\/?$/, handler: versions },
    { method: 'GET', path: /^\/v2\/apps\/(?<id>.*?)\/?\*$/, handler: readGroup },
    { method: 'GET', path: /^\/v2\/apps\/(?<id>.+?)\/?$/, handler: read },
    { method: 'PUT', path: /^\/v2\/apps\/(?<id>.+?)\/?$/, handler: replace(true) },
    { method: 'PATCH', path: /^\/v2\/apps\/(?<id>.+?)\/?$/, handler: replace(false) },
    { method: 'DELETE', path: /^\/v2\/apps\/(?<id>.+?)\/?$/, handler: remove },
  ];
}
