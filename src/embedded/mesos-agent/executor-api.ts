import type { ServerResponse } from 'node:http';
import type { AgentMessage } from '../../protocols/mesos/agent-link.ts';
import { type HttpAnswer, HttpError, type HttpRequest, handled } from '../../support/http-server.ts';
import type { Books, ExecutorBook } from './books.ts';
import { readCall, requireJson } from './call.ts';
import type { CustomExecutors, ExecutorCall } from './custom-executors.ts';

/**
 * POST /api/v1/executor. Source: include/mesos/v1/executor/executor.proto and src/slave/http.cpp of Apache Mesos.
 */
export async function executorApi(
  request: HttpRequest,
  response: ServerResponse,
  context: { books: Books; custom: CustomExecutors; send: (message: AgentMessage) => void },
): Promise<HttpAnswer | typeof handled> {
  const json = await readCall(request);
  const missing = ['executor_id', 'framework_id'].filter((name) => !hasValue(json[name]));
  if (missing.length > 0)
    throw new HttpError(
      400,
      `Failed to convert JSON into Call protobuf: Missing required fields: ${missing.join(', ')}`,
    );
  if (typeof json.type !== 'string')
    throw new HttpError(400, "Failed to validate executor::Call: Expecting 'type' to be present");
  const call = json as unknown as ExecutorCall;
  if (call.type === 'SUBSCRIBE') requireJson(request);
  const executor = findCaller(context.books, call);
  switch (call.type) {
    case 'SUBSCRIBE':
      if (!call.subscribe) throw invalid("Expecting 'subscribe' to be present");
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.flushHeaders();
      context.custom.subscribe(executor, call, response);
      return handled;
    case 'UPDATE': {
      requireSubscription(context.custom, executor);
      const status = call.update?.status;
      if (!status) throw invalid("Expecting 'update' to be present");
      if (!hasValue(status.task_id) || typeof status.state !== 'string')
        throw invalid("Expecting 'update.status' to have a task id and a state");
      if (typeof status.uuid !== 'string') throw invalid("Expecting 'uuid' to be present");
      context.custom.update(executor, status);
      return { status: 202, body: '' };
    }
    case 'MESSAGE':
      requireSubscription(context.custom, executor);
      if (!call.message) throw invalid("Expecting 'message' to be present");
      context.send({
        type: 'MESSAGE',
        framework_id: call.framework_id,
        executor_id: call.executor_id,
        data: call.message.data,
      });
      return { status: 202, body: '' };
    case 'HEARTBEAT':
      requireSubscription(context.custom, executor);
      return { status: 202, body: '' };
    default:
      throw invalid("Expecting 'type' to be present");
  }
}

function hasValue(id: unknown): boolean {
  return typeof (id as { value?: unknown } | null | undefined)?.value === 'string';
}

function invalid(why: string): HttpError {
  return new HttpError(400, `Failed to validate executor::Call: ${why}`);
}

function findCaller(books: Books, call: ExecutorCall): ExecutorBook {
  const framework = books.frameworks.get(call.framework_id.value);
  if (!framework) throw new HttpError(400, 'Framework cannot be found');
  const executor = framework.executors.get(call.executor_id.value);
  if (executor?.kind !== 'custom') throw new HttpError(400, 'Executor cannot be found');
  return executor;
}

function requireSubscription(custom: CustomExecutors, executor: ExecutorBook): void {
  if (!custom.isSubscribed(executor)) throw new HttpError(403, 'Executor is not subscribed');
}
