import type { AppDefinition, AppHealthCheck, ReadinessCheck } from '../../../protocols/marathon/types.ts';
import type { Instance } from '../model/instance.ts';

/** Where a probe goes. */
export interface ProbeTarget {
  host: string;
  port: number;
}

/** Ports of an app as probes see them, in the order of its definitions or mappings. */
interface ProbePort {
  name: string | undefined;
  hostPort: number | undefined;
  containerPort: number | undefined;
}

/** Checks that Marathon carries out by itself; Mesos does the others. */
export function isMarathonCheck(check: AppHealthCheck): boolean {
  return check.protocol === 'HTTP' || check.protocol === 'HTTPS' || check.protocol === 'TCP';
}

/** @returns undefined when the instance has no such port */
export function healthTarget(app: AppDefinition, instance: Instance, check: AppHealthCheck): ProbeTarget | undefined {
  if (check.port !== undefined) {
    const host = hostOf(app, instance);
    return host === undefined ? undefined : { host, port: check.port };
  }
  return portTarget(app, instance, probePorts(app, instance)[check.portIndex ?? 0]);
}

export function readinessTarget(
  app: AppDefinition,
  instance: Instance,
  check: ReadinessCheck,
): ProbeTarget | undefined {
  return portTarget(
    app,
    instance,
    probePorts(app, instance).find((port) => port.name === check.portName),
  );
}

/** `http://host:port/path` */
export function probeUrl(scheme: 'http' | 'https', target: ProbeTarget, path: string | undefined): string {
  const host = target.host.includes(':') ? `[${target.host}]` : target.host;
  const suffix = path === undefined || path === '' ? '/' : path.startsWith('/') ? path : `/${path}`;
  return `${scheme}://${host}:${target.port}${suffix}`;
}

function portTarget(_app: AppDefinition, instance: Instance, port: ProbePort | undefined): ProbeTarget | undefined {
  if (!port) return undefined;
  // A container with an address of its own and no host port is reached at that address.
  if (port.hostPort === undefined) {
    const host = instance.task?.ipAddresses[0]?.ipAddress;
    return host === undefined || !port.containerPort ? undefined : { host, port: port.containerPort };
  }
  const host = instance.placement?.host;
  return host === undefined ? undefined : { host, port: port.hostPort };
}

function hostOf(app: AppDefinition, instance: Instance): string | undefined {
  const ownAddress = app.networks.some((network) => network.mode === 'container');
  return (ownAddress ? instance.task?.ipAddresses[0]?.ipAddress : undefined) ?? instance.placement?.host;
}

function probePorts(app: AppDefinition, instance: Instance): ProbePort[] {
  const hostPorts = instance.task?.hostPorts ?? [];
  const mappings = app.container?.portMappings;
  if (!mappings)
    return (app.portDefinitions ?? []).map(({ name }, i) => ({
      name,
      hostPort: hostPorts[i],
      containerPort: hostPorts[i],
    }));
  // Only mappings with a host port take part in the list of host ports.
  let next = 0;
  return mappings.map(({ name, containerPort, hostPort }) => {
    const taken = hostPort === undefined ? undefined : hostPorts[next++];
    return { name, hostPort: taken, containerPort: containerPort || taken };
  });
}
