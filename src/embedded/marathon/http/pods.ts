import type { Route } from '../../../support/http-server.ts';
import { canonical } from '../model/path-id.ts';
import { problems } from '../model/problem.ts';
import { idOf, problemError } from './context.ts';

/** `/v2/pods`: there are none, and none can be made; clients that probe for them get the answers of an empty list. */
export function podRoutes(): Route[] {
  const none: Route['handler'] = () => ({ status: 200, body: [] });
  const unknown: Route['handler'] = (request) => {
    throw problemError(problems.unknownPod(canonical(idOf(request).replace(/::.*$/, ''))));
  };
  const refused: Route['handler'] = () => ({
    status: 501,
    body: { message: 'Pods can not be run by this Marathon; define their containers as apps.' },
  });
  return [
    { method: 'HEAD', path: /^\/v2\/pods\/?$/, handler: () => ({ status: 200, body: '' }) },
    { method: 'GET', path: /^\/v2\/pods\/?(?:::status)?\/?$/, handler: none },
    { method: 'POST', path: /^\/v2\/pods\/?$/, handler: refused },
    { method: 'PUT', path: /^\/v2\/pods\/(?<id>.+)$/, handler: refused },
    { method: '*', path: /^\/v2\/pods\/(?<id>.+)$/, handler: unknown },
  ];
}
