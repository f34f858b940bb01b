import type { AppDefinition } from '../../../protocols/marathon/types.ts';
import type { ModelConfig } from './config.ts';
import { type Group, getApp, putApps, specDifferences, transitiveApps } from './group.ts';
import { good, problems, type Result } from './problem.ts';
import { isApp } from './run-spec.ts';

/** Service ports. Source: core/group/impl/AssignDynamicServiceLogic.scala of Marathon. */

/** The service ports, in the order of the port mappings or, when there are none, of the port definitions. */
export function servicePorts(app: AppDefinition): number[] {
  const mappings = app.container?.portMappings ?? [];
  return mappings.length > 0
    ? mappings.map(({ servicePort }) => servicePort)
    : (app.portDefinitions ?? []).map(({ port }) => port);
}

function withServicePorts(app: AppDefinition, ports: readonly number[]): AppDefinition {
  const { container, portDefinitions } = app;
  const mappings = container?.portMappings ?? [];
  if (container && mappings.length > 0)
    return {
      ...app,
      container: {
        ...container,
        portMappings: mappings.map((mapping, index) => ({ ...mapping, servicePort: ports[index] ?? 0 })),
      },
    };
  return {
    ...app,
    ...(portDefinitions && {
      portDefinitions: portDefinitions.map((definition, index) => ({ ...definition, port: ports[index] ?? 0 })),
    }),
  };
}

/**
 * The target tree with a service port in place of every 0: first one that the same app held before and names no
 * longer, then the lowest that no app of either tree holds, from [localPortMin, localPortMax).
 */
export function assignServicePorts(from: Group, to: Group, config: ModelConfig): Result<Group> {
  // All apps that were there before have their ports.
  const changed = specDifferences(from, to).flatMap(({ after }) => (after && isApp(after) ? [after] : []));
  const dynamic = changed.filter((app) => servicePorts(app).includes(0));
  if (dynamic.length === 0) return good(to);
  const { localPortMin, localPortMax } = config;
  const used = new Set<number>();
  for (const app of changed) for (const port of servicePorts(app)) used.add(port);
  for (const app of transitiveApps(from)) for (const port of servicePorts(app)) used.add(port);
  let next = localPortMin;
  const lowestFree = (): number | undefined => {
    while (next < localPortMax && used.has(next)) next++;
    return next < localPortMax ? next++ : undefined;
  };

  const assigned: AppDefinition[] = [];
  for (const app of dynamic) {
    const wanted = servicePorts(app);
    const before = getApp(from, app.id);
    const held = (before ? servicePorts(before) : []).filter(
      (port) => port >= localPortMin && port < localPortMax && !wanted.includes(port),
    );
    const ports: number[] = [];
    for (const port of wanted) {
      const chosen = port === 0 ? (held.shift() ?? lowestFree()) : port;
      if (chosen === undefined) return { ok: false, problem: problems.portsExhausted(localPortMin, localPortMax) };
      ports.push(chosen);
    }
    assigned.push(withServicePorts(app, ports));
  }
  return good(putApps(to, assigned, to.version));
}
