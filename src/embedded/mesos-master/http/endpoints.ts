import { versionInfo } from '../../../protocols/mesos/version-info.ts';
import { HttpError, type HttpRequest, type Route } from '../../../support/http-server.ts';
import type { Cluster } from '../core/model.ts';
import type { Engine } from '../engine.ts';
import { metricsView } from '../views/metrics.ts';
import { overviewPage } from '../views/page.ts';
import { frameworksView, slavesView, stateView, tasksView } from '../views/state.ts';
import { rolesView, summaryView } from '../views/summary.ts';
import { json, leaderBase, leading, type MasterServer, masterRoute, requireMethod } from './server.ts';

/** The master's own endpoints. Source: the routes of src/master/master.cpp of Apache Mesos and recorded answers. */
export function endpointRoutes(server: MasterServer): Route[] {
  const cached = createCache();
  const view = (path: string, make: (cluster: Cluster, request: HttpRequest) => object): Route =>
    masterRoute(path, (request) => json(request, make(leading(server, request).cluster, request)));
  return [
    masterRoute('/health', () => ({ status: 200 })),
    { method: '*', path: /^\/version$/, handler: (request) => json(request, versionInfo) },
    masterRoute('/flags', (request) => json(request, { flags: server.facts().flags })),
    {
      method: '*',
      path: /^\/metrics\/snapshot$/,
      handler: (request) => {
        const engine = server.engine();
        return json(request, metricsView(engine?.cluster, server.facts(), server.now(), engine?.operatorStreams ?? 0));
      },
    },
    masterRoute('/redirect', () => {
      throw new HttpError(307, '', { Location: leaderBase(server) });
    }),
    masterRoute('/state', (request) => {
      const engine = leading(server, request);
      return json(
        request,
        cached(engine, () => stateView(engine.cluster, server.facts())),
      );
    }),
    view('/state-summary', (cluster) => summaryView(cluster, server.facts())),
    view('/slaves', (cluster, { query }) => slavesView(cluster, query.get('slave_id') ?? undefined)),
    view('/frameworks', (cluster, { query }) => frameworksView(cluster, query.get('framework_id') ?? undefined)),
    view('/tasks', (cluster, request) =>
      tasksView(cluster, {
        limit: amount(request, 'limit', 100),
        offset: amount(request, 'offset', 0),
        ascending: request.query.get('order') === 'asc',
        frameworkId: request.query.get('framework_id') ?? undefined,
        taskId: request.query.get('task_id') ?? undefined,
      }),
    ),
    view('/roles', (cluster) => rolesView(cluster)),
    view('/quota', () => ({})),
    view('/weights', (cluster) => [...cluster.settings.weights].map(([role, weight]) => ({ role, weight }))),
    view('/maintenance/schedule', () => ({})),
    view('/maintenance/status', () => ({})),
    masterRoute('/teardown', async (request) => {
      leading(server, request);
      requireMethod(request, 'POST');
      const id = new URLSearchParams((await request.body()).toString('utf8')).get('frameworkId');
      if (id === null) throw new HttpError(400, "Missing 'frameworkId' query parameter in the request body");
      const engine = leading(server, request);
      const framework = engine.cluster.frameworks.get(id);
      if (!framework) throw new HttpError(400, 'No framework found with specified ID');
      engine.removeFramework(framework);
      return { status: 200 };
    }),
    {
      method: 'GET',
      path: /^\/$/,
      handler: () => ({
        status: 200,
        headers: { 'Content-Type': 'text/html; charset=utf-8' },
        body: overviewPage(server.engine()?.cluster, server.facts(), server.leader()),
      }),
    },
  ];
}

/** Bad numbers are taken for the default, as the real master does. */
function amount({ query }: HttpRequest, name: string, fallback: number): number {
  const text = query.get(name);
  return text !== null && /^\d+$/.test(text) ? Number(text) : fallback;
}

/** Many watch /state, and most of the time it doesn't change. */
function createCache() {
  let last: { engine: Engine; revision: number; text: string } | undefined;
  return (engine: Engine, make: () => object): string => {
    if (last?.engine !== engine || last.revision !== engine.revision)
      last = { engine, revision: engine.revision, text: JSON.stringify(make()) };
    return last.text;
  };
}
