import type { PathId } from '../../../protocols/marathon/types.ts';
import type { HttpRequest, Route } from '../../../support/http-server.ts';
import type { LeaderSession } from '../leader/session.ts';
import { enforcesRoleWhenNew, getSpec, putApp, removeApp } from '../model/group.ts';
import { parseInstanceId } from '../model/ids.ts';
import type { Instance } from '../model/instance.ts';
import { pathErrors } from '../model/path-id.ts';
import { readPod } from '../model/pod/read.ts';
import { checkInstanceIds } from '../model/pod/schema.ts';
import { serialisePod } from '../model/pod/serialise.ts';
import { instanceJson, podStatus } from '../model/pod/status.ts';
import { good, problems } from '../model/problem.ts';
import { isPod, type PodDefinition } from '../model/run-spec.ts';
import {
  type ApiContext,
  deploy,
  flag,
  idOf,
  jsonBody,
  location,
  problemError,
  readContext,
  timestampOf,
  valueOrThrow,
} from './context.ts';

const instanceIdPattern = "must fully match regular expression '^(.+)\\.(instance-|marathon-)([^\\.]+)$'";

/** `/v2/pods`. Source: api/v2/PodsResource.scala. */
export function podRoutes(context: ApiContext): Route[] {
  const { clock, events } = context;

  const known = (session: LeaderSession, id: PathId): PodDefinition => {
    const pod = session.catalog.pod(id);
    if (!pod) throw problemError(problems.unknownPod(id));
    return pod;
  };
  /** The id of the path, which must be one. */
  const validId = (request: HttpRequest): PathId => {
    const id = idOf(request);
    const errors = pathErrors(id);
    if (errors.length > 0) throw problemError(problems.notValid([{ path: '/', errors }]));
    return id;
  };
  const announce = (request: HttpRequest, eventType: 'pod_created_event' | 'pod_updated_event' | 'pod_deleted_event') =>
    events.publish({ eventType, clientIp: request.remoteAddress, uri: request.path });

  /** Puts the pod in its place; the version is that of the change, so that the same pod again is a restart. */
  const put = async (session: LeaderSession, request: HttpRequest, pod: PodDefinition) => {
    let stored = pod;
    const plan = await deploy(session, {
      id: pod.id,
      force: flag(request, 'force', false),
      apply(root, now) {
        const before = getSpec(root, pod.id);
        const lastScalingAt = before ? before.versionInfo.lastScalingAt : now;
        stored = { ...pod, version: now, versionInfo: { lastScalingAt, lastConfigChangeAt: now } };
        return good(putApp(root, stored, now, enforcesRoleWhenNew(session.config)));
      },
    });
    return { plan, stored };
  };

  const create: Route['handler'] = async (request) => {
    const json = await jsonBody(request);
    const session = context.session();
    const reading = { ...readContext(session), force: flag(request, 'force', false) };
    const pod = valueOrThrow(readPod(json, reading));
    if (session.catalog.pod(pod.id)) throw problemError(problems.podExists(pod.id));
    const { plan, stored } = await put(session, request, pod);
    announce(request, 'pod_created_event');
    return {
      status: 201,
      headers: { 'Marathon-Deployment-Id': plan.id, Location: location(request, pod.id) },
      body: serialisePod(stored),
    };
  };

  const replace: Route['handler'] = async (request) => {
    const json = await jsonBody(request);
    const session = context.session();
    const id = idOf(request);
    const reading = { ...readContext(session), force: flag(request, 'force', false) };
    const pod = valueOrThrow(readPod(json, reading));
    if (pod.id !== id) throw problemError(problems.badRequest(`'${id}' does not match definition's id ('${pod.id}')`));
    const { plan, stored } = await put(session, request, pod);
    announce(request, 'pod_updated_event');
    return { status: 200, headers: { 'Marathon-Deployment-Id': plan.id }, body: serialisePod(stored) };
  };

  const list: Route['handler'] = () => {
    const pods = context.session().catalog.specs().filter(isPod);
    return { status: 200, body: pods.map(serialisePod) };
  };

  const read: Route['handler'] = (request) => ({
    status: 200,
    body: serialisePod(known(context.session(), validId(request))),
  });

  const remove: Route['handler'] = async (request) => {
    const session = context.session();
    const { id } = known(session, validId(request));
    const plan = await deploy(session, {
      id,
      force: flag(request, 'force', false),
      apply: (root, now) => good(removeApp(root, id, now)),
    });
    announce(request, 'pod_deleted_event');
    return {
      status: 202,
      headers: { 'Marathon-Deployment-Id': plan.id, Location: location(request, `/${plan.id}`) },
      body: '',
    };
  };

  /** Pods that a deployment removes are still there to be looked at. */
  const removing = (session: LeaderSession): Map<PathId, PodDefinition> => {
    const pods = new Map<PathId, PodDefinition>();
    for (const plan of session.deployments.plans())
      for (const { actions } of plan.steps)
        for (const { action, app: spec } of actions)
          if (action === 'StopApplication' && isPod(spec) && !session.catalog.spec(spec.id)) pods.set(spec.id, spec);
    return pods;
  };

  const statusOf = (session: LeaderSession, pod: PodDefinition, terminating: boolean) => {
    const lastFailure = session.lastFailure(pod.id);
    return podStatus(pod, {
      instances: session.tracker.ofApp(pod.id),
      definitionOf(instance) {
        const spec = session.catalog.definitionOf(instance);
        return spec && isPod(spec) ? spec : pod;
      },
      terminating,
      now: new Date(clock.now()).toISOString(),
      ...(lastFailure ? { lastFailure } : {}),
    });
  };

  const status: Route['handler'] = (request) => {
    const session = context.session();
    const id = validId(request);
    const leaving = removing(session).get(id);
    return { status: 200, body: statusOf(session, leaving ?? known(session, id), leaving !== undefined) };
  };

  const statuses: Route['handler'] = () => {
    const session = context.session();
    const pods = session.catalog.specs().filter(isPod);
    return { status: 200, body: pods.map((pod) => statusOf(session, pod, false)) };
  };

  const versions: Route['handler'] = (request) => {
    const session = context.session();
    const { id } = known(session, validId(request));
    return { status: 200, body: session.store.appVersions(id) };
  };

  const versionOf: Route['handler'] = async (request) => {
    const session = context.session();
    const id = validId(request);
    const text = request.params.version ?? '';
    const version = timestampOf(text);
    if (version === undefined) throw problemError(problems.illegal(`Invalid format: "${text}"`));
    const pod = await session.store.pod(id, version);
    if (!pod) throw problemError(problems.unknownPod(id));
    return { status: 200, body: serialisePod(pod) };
  };

  /** Ends instances: others take their places, the same ones again unless they are wiped. */
  const kill = (session: LeaderSession, request: HttpRequest, id: PathId, ids: ReadonlySet<string>) => {
    const pod = known(session, id);
    const victims = session.tracker.ofApp(id).filter((instance) => ids.has(instance.id));
    const answer = victims.map((instance) => instanceJson(pod, instance));
    end(session, victims, flag(request, 'wipe', false));
    return answer;
  };

  const killOne: Route['handler'] = (request) => {
    const session = context.session();
    const instanceId = request.params.instance ?? '';
    checkIds([instanceId]);
    const [killed] = kill(session, request, validId(request), new Set([instanceId]));
    if (!killed) throw problemError(problems.unknownTask(instanceId));
    return { status: 200, body: killed };
  };

  const killMany: Route['handler'] = async (request) => {
    const ids = valueOrThrow(checkInstanceIds(await jsonBody(request)));
    const session = context.session();
    checkIds(ids);
    return { status: 200, body: kill(session, request, validId(request), new Set(ids)) };
  };

  const base = '^\\/v2\\/pods';
  const of = (rest: string) => new RegExp(`${base}\\/(?<id>.+?)${rest}\\/?$`);
  return [
    { method: 'HEAD', path: new RegExp(`${base}\\/?$`), handler: () => ({ status: 200, body: '' }) },
    { method: 'GET', path: new RegExp(`${base}\\/?$`), handler: list },
    { method: 'POST', path: new RegExp(`${base}\\/?$`), handler: create },
    { method: 'GET', path: new RegExp(`${base}\\/?::status\\/?$`), handler: statuses },
    { method: 'GET', path: of('::status'), handler: status },
    { method: 'GET', path: of('::versions'), handler: versions },
    { method: 'GET', path: of('::versions\\/(?<version>[^/]+)'), handler: versionOf },
    { method: 'DELETE', path: of('::instances'), handler: killMany },
    { method: 'DELETE', path: of('::instances\\/(?<instance>[^/]+)'), handler: killOne },
    { method: 'GET', path: of(''), handler: read },
    { method: 'PUT', path: of(''), handler: replace },
    { method: 'DELETE', path: of(''), handler: remove },
  ];
}

function end(session: LeaderSession, victims: readonly Instance[], wipe: boolean): void {
  if (wipe) session.decommission(victims.map(({ id }) => id));
  else for (const { id } of victims) session.killer.kill(id);
  for (const { appId } of victims) session.housekeeping.checkScale(appId);
}

function checkIds(ids: readonly string[]): void {
  ids.forEach((id, index) => {
    if (parseInstanceId(id)) return;
    const path = ids.length === 1 ? '/' : `/(${index})`;
    throw problemError(problems.notValid([{ path, errors: [instanceIdPattern] }]));
  });
}
