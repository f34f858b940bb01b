import type { Route } from '../../../support/http-server.ts';
import { queueItem } from '../model/app-info.ts';
import { problems } from '../model/problem.ts';
import { type ApiContext, idOf, problemError } from './context.ts';

/** `/v2/queue`. Source: api/v2/QueueResource.scala. */
export function queueRoutes(context: ApiContext): Route[] {
  const list: Route['handler'] = (request) => {
    const session = context.session();
    const withOffers = request.query.getAll('embed').includes('lastUnusedOffers');
    const now = context.clock.now();
    const queue = [];
    for (const id of session.queue.appIds()) {
      const app = session.catalog.spec(id);
      const record = session.queue.record(id);
      if (!app || !record) continue;
      const backoffUntil = session.delays.until(app);
      const state = {
        ...record,
        count: session.queue.waiting(id).size,
        lastOffers: [...record.lastOffers.values()],
        ...(backoffUntil === undefined ? {} : { backoffUntil }),
      };
      queue.push(queueItem(app, state, now, withOffers));
    }
    return { status: 200, body: { queue } };
  };

  const resetDelay: Route['handler'] = (request) => {
    const session = context.session();
    const id = idOf(request);
    const app = session.catalog.spec(id);
    if (!app || session.queue.waiting(id).size === 0) throw problemError(problems.notQueued(id));
    session.delays.reset(app);
    return { status: 204 };
  };

  return [
    { method: 'GET', path: /^\/v2\/queue\/?$/, handler: list },
    { method: 'DELETE', path: /^\/v2\/queue\/(?<id>.+?)\/delay\/?$/, handler: resetDelay },
  ];
}
