import type { Route } from '../../../support/http-server.ts';
import { revertedTree } from '../model/plan.ts';
import { good, problems } from '../model/problem.ts';
import { type ApiContext, deploy, deploymentAnswer, flag, problemError } from './context.ts';

/** `/v2/deployments`. Source: api/v2/DeploymentsResource.scala. */
export function deploymentRoutes(context: ApiContext): Route[] {
  const list: Route['handler'] = () => ({ status: 200, body: context.session().deployments.list() });

  const cancel: Route['handler'] = async (request) => {
    const session = context.session();
    const id = request.params.id ?? '';
    const plan = session.deployments.get(id);
    if (!plan) throw problemError(problems.unknownDeployment(id));
    if (flag(request, 'force', false)) {
      session.deployments.cancel(id, 'cancelled by request');
      await session.store.flushed();
      return { status: 202, body: '' };
    }
    const reverting = await deploy(session, {
      id: '/',
      force: true,
      apply: (root, now) => good(revertedTree(plan, root, now)),
    });
    return deploymentAnswer(reverting);
  };

  return [
    { method: 'GET', path: /^\/v2\/deployments\/?$/, handler: list },
    { method: 'DELETE', path: /^\/v2\/deployments\/(?<id>[^/]+)\/?$/, handler: cancel },
  ];
}
