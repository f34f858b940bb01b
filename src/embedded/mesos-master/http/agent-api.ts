import { type AgentMessage, agentLinkPath, agentStreamHeader } from '../../../protocols/mesos/agent-link.ts';
import { JsonFormError, parseJsonBody } from '../../../protocols/mesos/json-form.ts';
import { HttpError, handled, type Route } from '../../../support/http-server.ts';
import { leading, type MasterServer, requireMethod } from './server.ts';

/** The private link with the agents: see protocols/mesos/agent-link.ts. */
export function agentRoute(server: MasterServer): Route {
  return {
    method: '*',
    path: new RegExp(`^${agentLinkPath}$`),
    async handler(request, response) {
      leading(server, request);
      requireMethod(request, 'POST');
      const message = readMessage((await request.body()).toString('utf8'));
      const engine = leading(server, request);
      if (message.type === 'SUBSCRIBE') {
        engine.subscribeAgent(message, response);
        return handled;
      }
      const header = request.headers[agentStreamHeader];
      const streamId = typeof header === 'string' ? header : '';
      if (!engine.agentSays(streamId, message)) throw new HttpError(403, 'The agent is not subscribed');
      return { status: 202 };
    },
  };
}

function readMessage(text: string): AgentMessage {
  let parsed: unknown;
  try {
    parsed = parseJsonBody(text);
  } catch (error) {
    if (error instanceof JsonFormError) throw new HttpError(400, error.message);
    throw error;
  }
  const problem = shapeProblem(parsed);
  if (problem !== undefined) throw new HttpError(400, problem);
  return parsed as AgentMessage;
}

/** The peer is our own agent; this only keeps foreign bytes from reaching the core. */
function shapeProblem(message: unknown): string | undefined {
  if (typeof message !== 'object' || message === null) return 'A message must be an object';
  const fields = message as Record<string, unknown>;
  const needs = (names: readonly string[], test: (value: unknown) => boolean) =>
    names.filter((name) => !test(fields[name])).map((name) => `'${name}'`);
  const isValue = (value: unknown) => typeof (value as { value?: unknown } | undefined)?.value === 'string';
  const isObject = (value: unknown) => typeof value === 'object' && value !== null;
  const missing = (() => {
    switch (fields.type) {
      case 'SUBSCRIBE':
        return [
          ...needs(
            ['agent'],
            (agent) => isObject(agent) && typeof (agent as { hostname?: unknown }).hostname === 'string',
          ),
          ...needs(['pid'], (pid) => typeof pid === 'string' && /^[^@]+@.+:\d+$/.test(pid)),
          ...needs(['version'], (version) => typeof version === 'string'),
          ...needs(['capabilities', 'resources', 'tasks', 'executors', 'frameworks'], Array.isArray),
        ];
      case 'UPDATE':
        return [
          ...needs(['framework_id'], isValue),
          ...needs(['status'], (status) => {
            const { task_id, state } = (status ?? {}) as { task_id?: unknown; state?: unknown };
            return isValue(task_id) && typeof state === 'string';
          }),
        ];
      case 'EXECUTOR_EXITED':
        return needs(['framework_id', 'executor_id'], isValue);
      case 'MESSAGE':
        return [...needs(['framework_id', 'executor_id'], isValue), ...needs(['data'], (d) => typeof d === 'string')];
      case 'UNKNOWN_TASKS':
        return [
          ...needs(['framework_id'], isValue),
          ...needs(['task_ids'], (ids) => Array.isArray(ids) && ids.every(isValue)),
        ];
      case 'PONG':
      case 'UNSUBSCRIBE':
        return [];
      default:
        return ["a known 'type'"];
    }
  })();
  return missing.length > 0 ? `Expecting ${missing.join(', ')}` : undefined;
}
