import { HttpError, type Route } from '../../../support/http-server.ts';
import { type Registry, registryPath, toState } from '../registry.ts';
import type { MasterServer } from './server.ts';

/** The masters' copies of the registry, for each other. */
export function registryRoutes(server: MasterServer, registry: Registry): Route[] {
  const path = new RegExp(`^${registryPath}$`);
  return [
    { method: 'GET', path, handler: () => ({ status: 200, body: registry.state }) },
    {
      method: 'PUT',
      path,
      async handler(request) {
        const state = toState((await request.body()).toString('utf8'));
        if (!state) throw new HttpError(400, 'Expecting a registry');
        // A leader takes nobody's word but its own.
        if (server.engine() || !registry.receive(state)) throw new HttpError(409, 'A later registry is known');
        return { status: 200 };
      },
    },
  ];
}
