import type { AppDefinition } from '../../../protocols/marathon/types.ts';
import type { EnvironmentVariable } from '../../../protocols/mesos/types.ts';
import type { ModelConfig } from './config.ts';

/** The environment of a task. Source: mesos/{TaskBuilder,EnvironmentHelper}.scala of Marathon. */

export interface TaskContext {
  readonly config: ModelConfig;
  readonly taskId: string;
  readonly random: () => number;
  /** Whether the app's top-level group enforces its role; told to the task. */
  readonly enforceRole: boolean;
}

const maxVariableLength = 512;
const labelPrefix = 'MARATHON_APP_LABEL_';

/** A double as Java prints it: `1.0`, `0.1`, `1.0E-4`. */
export function javaDouble(value: number): string {
  if (value === 0 || (Math.abs(value) >= 1e-3 && Math.abs(value) < 1e7))
    return Number.isInteger(value) ? value.toFixed(1) : String(value);
  const [mantissa = '0', exponent = '0'] = value.toExponential().split('e');
  return `${mantissa.includes('.') ? mantissa : `${mantissa}.0`}E${Number(exponent)}`;
}

export function labelVariables(labels: Readonly<Record<string, string>>): [string, string][] {
  const kept = Object.entries(labels)
    .filter(([key, value]) => key.length < maxVariableLength - labelPrefix.length && value.length < maxVariableLength)
    .map(([key, value]): [string, string] => [key.replace(/[^a-zA-Z0-9_]+/g, '_').toUpperCase(), value]);
  return [
    ['MARATHON_APP_LABELS', [...new Set(kept.map(([key]) => key))].join(' ')],
    ...kept.map(([key, value]): [string, string] => [`${labelPrefix}${key}`, value]),
  ];
}

function contextVariables(app: AppDefinition, { taskId, enforceRole }: TaskContext): [string, string][] {
  const image = app.container?.type === 'DOCKER' ? app.container.docker?.image : undefined;
  return [
    ['MESOS_TASK_ID', taskId],
    ['MARATHON_APP_ID', app.id],
    ['MARATHON_APP_VERSION', app.version],
    ...(image === undefined ? [] : ([['MARATHON_APP_DOCKER_IMAGE', image]] as [string, string][])),
    ['MARATHON_APP_RESOURCE_CPUS', javaDouble(app.cpus)],
    ['MARATHON_APP_RESOURCE_MEM', javaDouble(app.mem)],
    ['MARATHON_APP_RESOURCE_DISK', javaDouble(app.disk)],
    ['MARATHON_APP_RESOURCE_GPUS', String(app.gpus)],
    ['MARATHON_APP_ENFORCE_GROUP_ROLE', enforceRole ? 'TRUE' : 'FALSE'],
    ...labelVariables(app.labels),
  ];
}

function portVariables(
  app: AppDefinition,
  hostPorts: readonly (number | undefined)[],
  random: () => number,
): [string, string][] {
  if (hostPorts.length === 0) return [];
  const mappings = app.container?.portMappings ?? [];
  const declared: readonly { readonly name?: string; readonly port: number }[] =
    mappings.length > 0
      ? mappings.map(({ name, containerPort }) => ({ ...(name !== undefined && { name }), port: containerPort }))
      : (app.portDefinitions ?? []);
  const used = new Set([...declared.map(({ port }) => port), ...hostPorts]);
  const randomPort = (): number => {
    for (;;) {
      const port = 1025 + Math.floor(random() * 64511);
      if (used.has(port)) continue;
      used.add(port);
      return port;
    }
  };
  /** What the task listens on: its host port, or the container's own where it has none. */
  const effective = declared.map(({ port }, index) => hostPorts[index] ?? (port === 0 ? randomPort() : port));
  const variables: [string, string][] = effective.map((port, index) => [`PORT${index}`, String(port)]);
  declared.forEach(({ port }, index) => {
    const value = effective[index] ?? 0;
    variables.push([`PORT_${port === 0 ? value : port}`, String(value)]);
  });
  declared.forEach(({ name }, index) => {
    if (name !== undefined) variables.push([`PORT_${name.toUpperCase()}`, String(effective[index])]);
  });
  // Host ports come first here, then those that were drawn for the container.
  const assigned = [
    ...hostPorts.filter((port) => port !== undefined),
    ...effective.filter((_, index) => hostPorts[index] === undefined && declared[index]?.port === 0),
  ];
  if (assigned[0] !== undefined) variables.push(['PORT', String(assigned[0])]);
  variables.push(['PORTS', assigned.join(',')]);
  return variables;
}

/** The variables of a definition itself; the agent looks secrets up. */
export function ownVariables(env: AppDefinition['env'], secrets: AppDefinition['secrets']): EnvironmentVariable[] {
  return Object.entries(env).flatMap(([name, value]): EnvironmentVariable[] => {
    if (typeof value === 'string') return [{ name, value }];
    const source = Object.hasOwn(secrets, value.secret) ? secrets[value.secret]?.source : undefined;
    return source === undefined
      ? []
      : [{ name, type: 'SECRET', secret: { type: 'REFERENCE', reference: { name: source } } }];
  });
}

/** The environment of a task; later entries win over earlier ones of the same name, and each name is there once. */
export function taskEnvironment(
  app: AppDefinition,
  host: string,
  hostPorts: readonly (number | undefined)[],
  context: TaskContext,
): EnvironmentVariable[] {
  const prefix = context.config.envVarsPrefix ?? '';
  const byName = new Map<string, EnvironmentVariable>();
  const set = (variable: EnvironmentVariable) => byName.set(variable.name, variable);
  for (const [name, value] of contextVariables(app, context)) set({ name, value });
  set({ name: `${prefix}HOST`, value: host });
  for (const [name, value] of portVariables(app, hostPorts, context.random)) set({ name: prefix + name, value });
  for (const variable of ownVariables(app.env, app.secrets)) set(variable);
  return [...byName.values()];
}
