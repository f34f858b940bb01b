import type { PathId } from '../../../protocols/marathon/types.ts';
import type { HttpRequest, Route } from '../../../support/http-server.ts';
import type { Change } from '../leader/groups.ts';
import type { LeaderSession } from '../leader/session.ts';
import { appEmbeds, appInfo, groupEmbeds, groupInfo } from '../model/app-info.ts';
import { type Group, getApp, getGroup, putGroup, removeGroup, transitiveApps } from '../model/group.ts';
import { groupUpdatePath, readGroupUpdate, updateGroup } from '../model/group-update.ts';
import { isRoot, parentOf } from '../model/path-id.ts';
import { stepsJson } from '../model/plan.ts';
import { good, problems } from '../model/problem.ts';
import { checkGroupPatch } from '../model/schema.ts';
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

/** `/v2/groups`. Source: api/v2/GroupsResource.scala. */
export function groupRoutes(context: ApiContext): Route[] {
  const { clock } = context;

  const known = (session: LeaderSession, id: PathId): Group => {
    const group = getGroup(session.catalog.root, id);
    if (!group) throw problemError(problems.unknownGroup(id));
    return group;
  };
  const describe = (session: LeaderSession, group: Group, request: HttpRequest) => {
    const now = clock.now();
    return groupInfo(group, groupEmbeds(request.query.getAll('embed')), (app) => stateOf(session, app, now));
  };

  const read: Route['handler'] = (request) => {
    const session = context.session();
    return { status: 200, body: describe(session, known(session, idOf(request)), request) };
  };

  const apps: Route['handler'] = (request) => {
    const session = context.session();
    const embeds = appEmbeds(request.query.getAll('embed')).add('counts').add('deployments');
    const now = clock.now();
    const body = transitiveApps(known(session, idOf(request))).map((app) =>
      appInfo(app, embeds, stateOf(session, app, now)),
    );
    return { status: 200, body };
  };

  const versions: Route['handler'] = async (request) => {
    const session = context.session();
    const id = idOf(request);
    known(session, id);
    return { status: 200, body: await session.store.groupVersions(id) };
  };

  const versionOf: Route['handler'] = async (request) => {
    const session = context.session();
    const id = idOf(request);
    const text = request.params.version ?? '';
    const version = timestampOf(text);
    if (version === undefined) throw problemError(problems.illegal(`Invalid format: "${text}"`));
    const root = await session.store.root(version);
    const group = root && getGroup(root, id);
    if (!group) throw problemError(problems.unknownGroup(id, version));
    return { status: 200, body: describe(session, group, request) };
  };

  /** The change that a body asks for, and the group it is about. */
  const changeOf = async (request: HttpRequest, session: LeaderSession, creating: boolean) => {
    const json = await jsonBody(request);
    const base = idOf(request);
    const update = valueOrThrow(readGroupUpdate(json, base, readContext(session)));
    const id = groupUpdatePath(update, base);
    const { root } = session.catalog;
    const existed = getGroup(root, id) !== undefined;
    if (creating && existed) throw problemError(problems.groupExists(id));
    if (!existed && getApp(root, id)) throw problemError(problems.appAtGroupPath(id));
    const version = update.version === undefined ? undefined : timestampOf(update.version);
    const restored = version === undefined ? undefined : await session.store.root(version);
    const change: Change = {
      id,
      force: flag(request, 'force', false),
      apply: (current, now) => updateGroup(id, update, { ...readContext(session), root: current, now }, () => restored),
    };
    return { change, id, existed };
  };

  const create: Route['handler'] = async (request) => {
    const session = context.session();
    const { change, id } = await changeOf(request, session, true);
    const plan = await deploy(session, change);
    return deploymentAnswer(plan, 201, { Location: location(request, id) });
  };

  const replace: Route['handler'] = async (request) => {
    const session = context.session();
    const { change } = await changeOf(request, session, false);
    if (flag(request, 'dryRun', false)) {
      const plan = valueOrThrow(session.groups.dryRun(change));
      return { status: 200, body: { steps: stepsJson(plan.steps) } };
    }
    return deploymentAnswer(await deploy(session, change));
  };

  const patch: Route['handler'] = async (request) => {
    const { enforceRole } = valueOrThrow(checkGroupPatch(await jsonBody(request)));
    const session = context.session();
    const id = idOf(request);
    const group = known(session, id);
    if (isRoot(id) || !isRoot(parentOf(id)))
      throw problemError(
        problems.notValid([
          {
            path: '/enforceRole',
            errors: [`enforceRole can only be set for top-level groups, and ${id} is not top-level`],
          },
        ]),
      );
    if (enforceRole !== undefined && enforceRole !== group.enforceRole)
      await deploy(session, {
        id,
        apply: (root, now) => good(putGroup(root, { ...(getGroup(root, id) ?? group), enforceRole }, now)),
      });
    return { status: 200, body: '' };
  };

  const remove: Route['handler'] = async (request) => {
    const session = context.session();
    const { id } = known(session, idOf(request));
    const plan = await deploy(session, {
      id,
      force: flag(request, 'force', false),
      apply: (root, now) => good(removeGroup(root, id, now)),
    });
    return deploymentAnswer(plan);
  };

  const base = '^\\/v2\\/groups';
  return [
    {
      method: 'GET',
      path: new RegExp(`${base}(?<id>(?:\\/.+?)?)\\/versions\\/(?<version>[^/]+)\\/?$`),
      handler: versionOf,
    },
    { method: 'GET', path: new RegExp(`${base}(?<id>(?:\\/.+?)?)\\/versions\\/?$`), handler: versions },
    { method: 'GET', path: new RegExp(`${base}(?<id>(?:\\/.+?)?)\\/apps\\/?$`), handler: apps },
    { method: 'GET', path: new RegExp(`${base}(?<id>(?:\\/.*?)?)\\/?$`), handler: read },
    { method: 'POST', path: new RegExp(`${base}(?<id>(?:\\/.*?)?)\\/?$`), handler: create },
    { method: 'PUT', path: new RegExp(`${base}(?<id>(?:\\/.*?)?)\\/?$`), handler: replace },
    { method: 'PATCH', path: new RegExp(`${base}(?<id>(?:\\/.*?)?)\\/?$`), handler: patch },
    { method: 'DELETE', path: new RegExp(`${base}(?<id>(?:\\/.*?)?)\\/?$`), handler: remove },
  ];
}
