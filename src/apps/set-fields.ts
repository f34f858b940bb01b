import { DevclusterError } from '../support/errors.ts';
import { nearest } from '../support/nearest.ts';

/** What Marathon knows of an app; it ignores everything else without a word. */
const fieldsOfApps = new Set([
  'acceptedResourceRoles',
  'args',
  'backoffFactor',
  'backoffSeconds',
  'check',
  'cmd',
  'constraints',
  'container',
  'cpus',
  'dependencies',
  'disk',
  'env',
  'executor',
  'executorResources',
  'fetch',
  'gpus',
  'healthChecks',
  'instances',
  'ipAddress',
  'killSelection',
  'labels',
  'maxLaunchDelaySeconds',
  'mem',
  'networkBandwidth',
  'networks',
  'portDefinitions',
  'ports',
  'readinessChecks',
  'requirePorts',
  'residency',
  'resourceLimits',
  'role',
  'secrets',
  'storeUrls',
  'taskKillGracePeriodSeconds',
  'tty',
  'unreachableStrategy',
  'upgradeStrategy',
  'uris',
  'user',
]);

/** Members of these maps are text whatever they look like. */
const textMaps = new Set(['env', 'labels']);

/**
 * `--set` arguments as the body of a PATCH: `cpus=0.5`, `env.COLOR=tomato`, `upgradeStrategy.maximumOverCapacity=0`,
 * `healthChecks.0.path=/ready`. Marathon replaces maps and lists as a whole, so the current ones are filled in. A value
 * is JSON where it reads as such, else text; an empty one removes the member.
 * @throws DevclusterError usage
 */
export function changedFields(
  current: Readonly<Record<string, unknown>>,
  settings: readonly string[],
): Record<string, unknown> {
  const changed: Record<string, unknown> = {};
  for (const setting of settings) {
    const mark = setting.indexOf('=');
    const path = setting.slice(0, Math.max(mark, 0)).split('.');
    const [field, ...rest] = path;
    if (!field || path.includes(''))
      throw new DevclusterError('usage', 'USAGE', `'${setting}' is no setting`, {
        hint: 'Give field=value, for instance env.COLOR=tomato.',
      });
    if (!fieldsOfApps.has(field)) {
      const guess = nearest(field, fieldsOfApps);
      throw new DevclusterError('usage', 'USAGE', `Apps have no field '${field}' that can be set`, {
        hint: guess ? `Did you mean ${guess}?` : 'Fields are those of a Marathon app definition, for instance cpus.',
      });
    }
    const text = setting.slice(mark + 1);
    if (rest.length === 0) {
      changed[field] = parse(text);
      continue;
    }
    // Names of variables and labels may hold dots themselves.
    const names = textMaps.has(field) ? [rest.join('.')] : rest;
    changed[field] ??= structuredClone(current[field] ?? {});
    assign(
      changed[field] as Record<string, unknown>,
      names,
      textMaps.has(field) ? text : parse(text),
      text === '',
      setting,
    );
  }
  return changed;
}

function assign(
  target: Record<string, unknown>,
  names: readonly string[],
  value: unknown,
  remove: boolean,
  setting: string,
): void {
  const [name, ...rest] = names;
  if (name === undefined) return;
  if (typeof target !== 'object')
    throw new DevclusterError('usage', 'USAGE', `'${setting}': what stands before '${name}' has no members`, {
      hint: 'Name the field itself, for instance cpus=0.5.',
    });
  if (rest.length === 0) {
    if (remove) delete target[name];
    else target[name] = value;
    return;
  }
  const next = target[name] ?? {};
  target[name] = next;
  assign(next as Record<string, unknown>, rest, value, remove, setting);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
