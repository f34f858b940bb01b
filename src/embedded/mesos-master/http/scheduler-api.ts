import type { SchedulerCall } from '../../../protocols/mesos/types.ts';
import { type HttpAnswer, HttpError, handled, type Route } from '../../../support/http-server.ts';
import type { Engine } from '../engine.ts';
import { acceptedEncoding, readCall } from './content.ts';
import { leading, type MasterServer, masterRoute, requireMethod } from './server.ts';

/** Calls that need a payload of their own name. */
const payloads: Readonly<Record<string, keyof SchedulerCall>> = {
  SUBSCRIBE: 'subscribe',
  ACCEPT: 'accept',
  DECLINE: 'decline',
  KILL: 'kill',
  SHUTDOWN: 'shutdown',
  ACKNOWLEDGE: 'acknowledge',
  RECONCILE: 'reconcile',
  MESSAGE: 'message',
  UPDATE_FRAMEWORK: 'update_framework',
};

/** Calls that are checked and taken, and of which nothing follows here. */
const idlePayloads: Readonly<Record<string, string>> = {
  REQUEST: 'request',
  ACCEPT_INVERSE_OFFERS: 'accept_inverse_offers',
  DECLINE_INVERSE_OFFERS: 'decline_inverse_offers',
  ACKNOWLEDGE_OPERATION_STATUS: 'acknowledge_operation_status',
  RECONCILE_OPERATIONS: 'reconcile_operations',
};

/**
 * POST /api/v1/scheduler. Source: Master::Http::scheduler of Apache Mesos and recorded answers; the order of the
 * checks is part of the protocol.
 */
export function schedulerRoute(server: MasterServer): Route {
  return masterRoute('/api/v1/scheduler', async (request, response) => {
    leading(server, request);
    requireMethod(request, 'POST');
    const call = await readCall<SchedulerCall>(request, 'scheduler.Call');
    const problem = callProblem(call);
    if (problem !== undefined) throw new HttpError(400, `Failed to validate scheduler::Call: ${problem}`);
    const engine = leading(server, request);
    const given = request.headers['mesos-stream-id'];
    const streamId = Array.isArray(given) ? given[0] : given;

    if (call.type === 'SUBSCRIBE') {
      const encoding = acceptedEncoding(request, 'scheduler.Event');
      if (streamId !== undefined)
        throw new HttpError(400, "Subscribe calls should not include the 'Mesos-Stream-Id' header");
      const { framework_info, suppressed_roles, offer_constraints } = call.subscribe!;
      engine.subscribeFramework(
        { info: framework_info, suppressedRoles: suppressed_roles ?? [], offerConstraints: offer_constraints },
        response,
        encoding,
      );
      return handled;
    }
    if (call.type === 'RECONCILE_OPERATIONS') acceptedEncoding(request);
    return answerCall(engine, call, streamId);
  });
}

function callProblem(call: SchedulerCall): string | undefined {
  if (call.type === undefined || call.type === 'UNKNOWN') return "Expecting 'type' to be present";
  const needed = payloads[call.type] ?? idlePayloads[call.type];
  if (call.type === 'SUBSCRIBE') {
    if (!call.subscribe) return "Expecting 'subscribe' to be present";
    if ((call.framework_id?.value ?? '') !== (call.subscribe.framework_info.id?.value ?? ''))
      return "'framework_id' differs from 'subscribe.framework_info.id'";
    return undefined;
  }
  if (!call.framework_id) return "Expecting 'framework_id' to be present";
  if (needed !== undefined && (call as unknown as Record<string, unknown>)[needed] === undefined)
    return `Expecting '${needed}' to be present`;
  if (call.type === 'ACKNOWLEDGE') return uuidProblem(call.acknowledge!.uuid);
  if (call.type === 'UPDATE_FRAMEWORK' && call.framework_id.value !== call.update_framework!.framework_info.id?.value)
    return "'framework_id' differs from 'update_framework.framework_info.id'";
  return undefined;
}

function uuidProblem(base64: string): string | undefined {
  return Buffer.from(base64, 'base64').length === 16 ? undefined : 'Not a valid UUID';
}

function answerCall(engine: Engine, call: SchedulerCall, streamId: string | undefined): HttpAnswer {
  const id = call.framework_id!.value;
  const framework = engine.cluster.frameworks.get(id);
  if (!framework) throw new HttpError(400, 'Framework cannot be found');
  const current = engine.frameworkStreamId(id);
  if (!framework.connected || current === undefined) throw new HttpError(403, 'Framework is not subscribed');
  if (streamId === undefined)
    throw new HttpError(400, "All non-subscribe calls should include the 'Mesos-Stream-Id' header");
  if (streamId !== current)
    throw new HttpError(
      400,
      `The stream ID '${streamId}' included in this request didn't match the stream ID currently associated with framework ID ${id}`,
    );
  if (call.type === 'UPDATE_FRAMEWORK') {
    const { framework_info, suppressed_roles, offer_constraints } = call.update_framework!;
    const problem = engine.updateFramework(framework, {
      info: framework_info,
      suppressedRoles: suppressed_roles ?? [],
      offerConstraints: offer_constraints,
    });
    if (problem !== undefined) throw new HttpError(400, problem);
    return { status: 200 };
  }
  if (call.type === 'RECONCILE_OPERATIONS')
    return {
      status: 200,
      body: {
        type: 'RECONCILE_OPERATIONS',
        reconcile_operations: { operation_statuses: unknownOperations(call) },
      },
    };
  engine.call(framework, call);
  return { status: 202 };
}

/** Operations are done, or dropped, before their call is answered; none is kept. */
function unknownOperations(call: SchedulerCall): object[] {
  type Asked = { operation_id: object; agent_id?: object };
  const { reconcile_operations } = call as { reconcile_operations?: { operations?: Asked[] } };
  return (reconcile_operations?.operations ?? []).map(({ operation_id, agent_id }) => ({
    operation_id,
    state: 'OPERATION_UNKNOWN',
    message: 'Reconciliation: Operation is unknown',
    ...(agent_id ? { agent_id } : {}),
  }));
}
