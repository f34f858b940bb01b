import { posix } from 'node:path';
import type { AppInput } from '../clients/marathon.ts';
import type { AppInfo } from '../protocols/marathon/types.ts';
import { sourceLabels } from './labels.ts';

/** One field that a deployment changes. `path` is dotted: `env.COLOR`, `healthChecks.0.path`. */
export interface Difference {
  path: string;
  kind: 'added' | 'removed' | 'changed';
  before?: unknown;
  after?: unknown;
}

/** What a deployment does to one app. */
export interface AppChange {
  id: string;
  change: 'create' | 'update' | 'remove' | 'none';
  differences: Difference[];
}

/** What Marathon fills in for what a definition leaves out: such a value of the app that runs is no difference. */
const defaults: Readonly<Record<string, readonly unknown[]>> = {
  acceptedResourceRoles: [['*']],
  backoffFactor: [1.15],
  backoffSeconds: [1],
  cpus: [1],
  mem: [128],
  disk: [0],
  gpus: [0],
  executor: [''],
  instances: [1],
  killSelection: ['YOUNGEST_FIRST'],
  maxLaunchDelaySeconds: [300, 3600],
  networks: [[{ mode: 'host' }]],
  requirePorts: [false],
  role: ['*'],
  unreachableStrategy: [{ inactiveAfterSeconds: 0, expungeAfterSeconds: 0 }],
  upgradeStrategy: [{ minimumHealthCapacity: 1, maximumOverCapacity: 1 }],
};

/** What Marathon's answers have beside the definition. */
export const answerOnly: ReadonlySet<string> = new Set([
  'version',
  'versionInfo',
  'tasks',
  'tasksStaged',
  'tasksRunning',
  'tasksHealthy',
  'tasksUnhealthy',
  'tasksStats',
  'deployments',
  'lastTaskFailure',
  'readinessCheckResults',
]);
/** What is no loss when a definition leaves it out. */
const neverRemoved = new Set([
  ...answerOnly,
  'id',
  'ports',
  'uris',
  // Marathon gives every app on the host's network one port.
  'portDefinitions',
]);

/** Maps whose members are the user's own, so that one which is left out is removed. */
const openMaps = new Set(['env', 'labels', 'secrets']);
const ports = new Set(['port', 'hostPort', 'servicePort', 'containerPort']);

/**
 * What a definition changes about the app that runs. Fields that it leaves out are compared with Marathon's defaults;
 * members of fields that are Marathon's own (of a health check, say) only where the definition names them.
 * @param current undefined when there is no such app
 */
export function compareApp(current: AppInfo | undefined, wanted: AppInput, id = wanted.id): AppChange {
  if (!current) return { id, change: 'create', differences: [] };
  const differences: Difference[] = [];
  const before = current as unknown as Readonly<Record<string, unknown>>;
  const after = modernise(wanted, id);
  for (const [key, value] of Object.entries(after))
    if (key !== 'id' && !answerOnly.has(key)) compare(key, before[key], value, differences);
  for (const [key, value] of Object.entries(before)) {
    if (key in after || neverRemoved.has(key) || isEmpty(value)) continue;
    if (defaults[key]?.some((each) => same(each, value))) continue;
    if (openMaps.has(key)) compare(key, value, {}, differences);
    else differences.push({ path: key, kind: 'removed', before: value });
  }
  // When an app was deployed is worth telling, and no reason to replace its tasks.
  const real = differences.filter(({ path }) => path !== `labels.${sourceLabels.time}`);
  return { id, change: real.length > 0 ? 'update' : 'none', differences: real };
}

/** Older ways to say the same, in the way in which Marathon answers. */
function modernise(app: AppInput, id: string): Record<string, unknown> {
  const { uris, ports: legacyPorts, ...rest } = app as AppInput & { uris?: string[]; ports?: number[] };
  const after: Record<string, unknown> = { ...rest };
  if (uris && !after.fetch) after.fetch = uris.map((uri) => ({ uri }));
  if (legacyPorts && !after.portDefinitions) after.portDefinitions = legacyPorts.map((port) => ({ port }));
  if (Array.isArray(after.dependencies))
    after.dependencies = (after.dependencies as string[]).map((each) => posix.resolve(posix.dirname(id), each));
  const container = after.container as { docker?: Record<string, unknown>; portMappings?: unknown } | undefined;
  const { network, portMappings, ...docker } = container?.docker ?? {};
  if (container?.docker && (network !== undefined || portMappings !== undefined)) {
    after.container = {
      ...container,
      docker,
      ...(portMappings === undefined ? {} : { portMappings: container.portMappings ?? portMappings }),
    };
    if (typeof network === 'string' && !after.networks)
      after.networks = [{ mode: network === 'BRIDGE' ? 'container/bridge' : 'host' }];
  }
  return after;
}

function compare(path: string, before: unknown, after: unknown, out: Difference[]): void {
  if (isMap(before) && isMap(after)) {
    for (const [key, value] of Object.entries(after)) compare(`${path}.${key}`, before[key], value, out);
    if (openMaps.has(path))
      for (const [key, value] of Object.entries(before))
        if (!(key in after)) out.push({ path: `${path}.${key}`, kind: 'removed', before: value });
    return;
  }
  if (Array.isArray(before) && Array.isArray(after) && before.some(isMap) && after.some(isMap)) {
    for (const [i, value] of after.entries()) compare(`${path}.${i}`, before[i], value, out);
    for (let i = after.length; i < before.length; i++)
      out.push({ path: `${path}.${i}`, kind: 'removed', before: before[i] });
    return;
  }
  // 0 asks for any port.
  if (after === 0 && typeof before === 'number' && ports.has(path.slice(path.lastIndexOf('.') + 1))) return;
  if (same(before, after) || (isEmpty(before) && isEmpty(after))) return;
  if (before === undefined) out.push({ path, kind: 'added', after });
  else out.push({ path, kind: 'changed', before, after });
}

function isMap(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0);
}

function same(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((each, i) => same(each, b[i]));
  if (isMap(a) && isMap(b)) {
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => key in b && same(a[key], b[key]));
  }
  return a === b;
}
