import { versionInfo } from '../../../protocols/mesos/version-info.ts';
import { type HttpAnswer, HttpError, type HttpRequest, handled, type Route } from '../../../support/http-server.ts';
import type { Engine } from '../engine.ts';
import { metricsView } from '../views/metrics.ts';
import { getAgents, getExecutors, getFrameworks, getRoles, getState, getTasks } from '../views/v1.ts';
import { acceptedEncoding, readJsonCall } from './content.ts';
import { findFile, readPiece } from './files.ts';
import { leading, type MasterServer, masterRoute, requireMethod } from './server.ts';

type Payload = Record<string, unknown>;

interface Call {
  type: string;
  payload: Payload | undefined;
}

interface Handler {
  /** Whether the call must carry a payload, under its type in lower case. */
  needsPayload?: true;
  answer(context: { server: MasterServer; engine: Engine; call: Call }): object | Promise<object> | undefined;
}

/** What a call's answer holds under the call's type in lower case; undefined answers the type alone. */
const handlers: Readonly<Record<string, Handler>> = {
  GET_HEALTH: { answer: () => ({ healthy: true }) },
  GET_VERSION: { answer: () => ({ version_info: versionInfo }) },
  GET_FLAGS: {
    answer: ({ server }) => ({ flags: Object.entries(server.facts().flags).map(([name, value]) => ({ name, value })) }),
  },
  GET_METRICS: {
    needsPayload: true,
    answer: ({ server, engine }) => ({
      metrics: Object.entries(metricsView(engine.cluster, server.facts(), server.now(), engine.operatorStreams)).map(
        ([name, value]) => ({ name, value }),
      ),
    }),
  },
  GET_LOGGING_LEVEL: { answer: () => ({ level: 0 }) },
  GET_MASTER: {
    answer: ({ server }) => ({
      master_info: server.info,
      start_time: server.facts().startTime,
      elected_time: server.facts().electedTime,
    }),
  },
  GET_STATE: { answer: ({ engine }) => getState(engine.cluster) },
  GET_AGENTS: { answer: ({ engine }) => getAgents(engine.cluster) },
  GET_FRAMEWORKS: { answer: ({ engine }) => getFrameworks(engine.cluster) },
  GET_EXECUTORS: { answer: ({ engine }) => getExecutors(engine.cluster) },
  GET_TASKS: { answer: ({ engine }) => getTasks(engine.cluster) },
  GET_ROLES: { answer: ({ engine }) => getRoles(engine.cluster) },
  GET_OPERATIONS: { answer: () => ({}) },
  GET_QUOTA: { answer: () => ({ status: {} }) },
  GET_MAINTENANCE_STATUS: { answer: () => ({ status: {} }) },
  GET_MAINTENANCE_SCHEDULE: { answer: () => ({ schedule: {} }) },
  GET_WEIGHTS: {
    answer: ({ engine }) => {
      const weights = [...engine.cluster.settings.weights].map(([role, weight]) => ({ role, weight }));
      return weights.length > 0 ? { weight_infos: weights } : undefined;
    },
  },
  LIST_FILES: {
    needsPayload: true,
    answer: ({ server, call }) => {
      findFile(server, text(call, 'path'));
      throw new HttpError(400, 'Not a directory');
    },
  },
  READ_FILE: {
    needsPayload: true,
    answer: async ({ server, call }) => {
      const path = findFile(server, text(call, 'path'));
      const { offset = 0, length } = call.payload as { offset?: number; length?: number };
      const piece = await readPiece(path, Number(offset), length === undefined ? undefined : Number(length));
      return { size: piece.size, data: piece.data.toString('base64') };
    },
  },
};

/** Calls that change something; answered with an empty 200. */
const actions: Readonly<Record<string, (engine: Engine, call: Call) => void>> = {
  TEARDOWN(engine, call) {
    const framework = engine.cluster.frameworks.get(idIn(call, 'framework_id'));
    if (!framework) throw new HttpError(400, 'No framework found with specified ID');
    engine.removeFramework(framework);
  },
  MARK_AGENT_GONE(engine, call) {
    const id = idIn(call, 'agent_id');
    const { agents, goneAgents, unreachableAgents, recoveredAgents } = engine.cluster;
    if (goneAgents.has(id)) return;
    if (!agents.has(id) && !unreachableAgents.has(id) && !recoveredAgents.has(id))
      throw new HttpError(404, 'Agent not found');
    engine.markGone(id);
  },
  DEACTIVATE_AGENT: (engine, call) => engine.setDeactivated(agentIn(engine, call), true),
  REACTIVATE_AGENT: (engine, call) => engine.setDeactivated(agentIn(engine, call), false),
};

/** Calls that the real master knows and this one doesn't do. */
const unsupported: ReadonlySet<string> = new Set([
  'SET_LOGGING_LEVEL',
  'UPDATE_WEIGHTS',
  'RESERVE_RESOURCES',
  'UNRESERVE_RESOURCES',
  'CREATE_VOLUMES',
  'DESTROY_VOLUMES',
  'GROW_VOLUME',
  'SHRINK_VOLUME',
  'UPDATE_MAINTENANCE_SCHEDULE',
  'START_MAINTENANCE',
  'STOP_MAINTENANCE',
  'DRAIN_AGENT',
  'UPDATE_QUOTA',
  'SET_QUOTA',
  'REMOVE_QUOTA',
]);

/** POST /api/v1. Source: Master::Http::api of Apache Mesos and recorded answers. */
export function operatorRoute(server: MasterServer): Route {
  return masterRoute('/api/v1', async (request, response) => {
    leading(server, request);
    requireMethod(request, 'POST');
    const call = toCall(await readJsonCall(request));
    acceptedEncoding(request);
    const engine = leading(server, request);
    if (call.type === 'SUBSCRIBE') {
      engine.subscribeOperator(response);
      return handled;
    }
    return answer(server, engine, call, request);
  });
}

function toCall(json: unknown): Call {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new HttpError(400, 'Failed to convert JSON into Call protobuf: Expecting a JSON object');
  const { type } = json as { type?: unknown };
  const known =
    typeof type === 'string' &&
    (type === 'SUBSCRIBE' || Object.hasOwn(handlers, type) || Object.hasOwn(actions, type) || unsupported.has(type));
  if (!known) throw invalid("Expecting 'type' to be present");
  const name = type.toLowerCase();
  const payload = (json as Payload)[name];
  const needed = handlers[type]?.needsPayload || Object.hasOwn(actions, type) || unsupported.has(type);
  if (needed && (typeof payload !== 'object' || payload === null)) throw invalid(`Expecting '${name}' to be present`);
  return { type, payload: payload as Payload | undefined };
}

function invalid(problem: string): HttpError {
  return new HttpError(400, `Failed to validate master::Call: ${problem}`);
}

async function answer(server: MasterServer, engine: Engine, call: Call, _request: HttpRequest): Promise<HttpAnswer> {
  const action = actions[call.type];
  if (action) {
    action(engine, call);
    return { status: 200 };
  }
  const handler = handlers[call.type];
  if (!handler) throw new HttpError(501, `${call.type} is not supported by this master`);
  const content = await handler.answer({ server, engine, call });
  return {
    status: 200,
    body: content === undefined ? { type: call.type } : { type: call.type, [call.type.toLowerCase()]: content },
  };
}

function idIn(call: Call, name: string): string {
  const value = (call.payload?.[name] as { value?: unknown } | undefined)?.value;
  if (typeof value !== 'string')
    throw new HttpError(
      400,
      `Failed to convert JSON into Call protobuf: Missing required fields: ${call.type.toLowerCase()}.${name}`,
    );
  return value;
}

function agentIn(engine: Engine, call: Call) {
  const agent = engine.cluster.agents.get(idIn(call, 'agent_id'));
  if (!agent) throw new HttpError(404, 'Agent not found');
  return agent;
}

function text(call: Call, name: string): string {
  const value = call.payload?.[name];
  if (typeof value !== 'string')
    throw new HttpError(
      400,
      `Failed to convert JSON into Call protobuf: Missing required fields: ${call.type.toLowerCase()}.${name}`,
    );
  return value;
}
