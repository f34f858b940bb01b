import type {
  Artifact,
  Constraint,
  EnvValue,
  LinuxInfo,
  PersistentVolume,
  ResourceLimit,
} from '../../../protocols/marathon/types.ts';
import {
  type Check,
  createErrors,
  defaulted,
  either,
  flag,
  integer,
  list,
  literal,
  map,
  number,
  object,
  optional,
  text,
} from './json-check.ts';
import { isSegment } from './path-id.ts';
import { good, problems, type Result } from './problem.ts';
import type { RawNetwork } from './raw.ts';

/** What bodies of apps, pods and groups have in common. Source: docs/docs/rest-api/public/api/v2/types of Marathon. */

export const name = text({ min: 1, max: 63, pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/ });
export const networkName = text({ min: 1, max: 63, pattern: /^[a-z0-9]([-a-z0-9_]*[a-z0-9])?$/ });

export const pathId: Check<string> = (json, path, errors) => {
  const id = text({ min: 1 })(json, path, errors);
  if (id === undefined) return undefined;
  if (id.split('/').every((segment) => segment === '' || segment === '..' || isSegment(segment))) return id;
  errors.add(path, 'error.pattern');
  return undefined;
};
export const anyPort = integer({ min: 0, max: 65535 });
export const seconds = integer({ min: 0 });
export const longSeconds = integer({ min: 0, long: true });
export const labels = map(text());
export const httpScheme = literal('HTTP', 'HTTPS');
export const uri = text({ min: 1, max: 1024 });
export const sandboxPath = text({ min: 1, max: 1024 });

export const timestamp: Check<string> = (json, path, errors) => {
  if (typeof json !== 'string') errors.add(path, 'error.expected.jsstring');
  else if (Number.isNaN(Date.parse(json)) || !/^\d{4}-\d\d-\d\d/.test(json))
    errors.add(path, 'error.expected.date.isoformat');
  else return new Date(json).toISOString();
  return undefined;
};

/** The number of fields is a rule of its own, with an error text of its own. */
export const constraint = list(text()) as unknown as Check<Constraint>;

export const network = object<RawNetwork>({
  mode: optional(literal('container', 'container/bridge', 'host')),
  name: optional(networkName),
  labels: optional(labels),
});

export const linuxInfo = object<LinuxInfo>({
  seccomp: optional(
    object<NonNullable<LinuxInfo['seccomp']>>({ profileName: optional(text()), unconfined: defaulted(flag, false) }),
  ),
  ipcInfo: optional(
    object<NonNullable<LinuxInfo['ipcInfo']>>({
      mode: literal('PRIVATE', 'SHARE_PARENT'),
      shmSize: optional(integer()),
    }),
  ),
});

export const execCommand = either<{ readonly shell: string } | { readonly argv: readonly string[] }>(
  object<{ readonly shell: string }>({ shell: text() }),
  object<{ readonly argv: readonly string[] }>({ argv: list(text(), { min: 1 }) }),
);

export const artifact = object<
  { readonly uri: string } & { readonly [K in Exclude<keyof Artifact, 'uri'>]?: Artifact[K] }
>({
  uri,
  extract: optional(flag),
  executable: optional(flag),
  cache: optional(flag),
  destPath: optional(sandboxPath),
});

const resourceLimit = either<ResourceLimit>(number(), (json, path, errors) => {
  if (typeof json !== 'string') errors.add(path, 'error.expected.jsstring');
  // Other words pass here: the rule on them has a text of its own.
  return typeof json === 'string' ? (json as ResourceLimit) : undefined;
});
export const capacity = number({ min: 0, max: 1 });

export const persistentInfo = object<PersistentVolume['persistent']>({
  type: optional(literal('root', 'path', 'mount')),
  size: longSeconds,
  maxSize: optional(longSeconds),
  profileName: optional(text()),
  constraints: optional(list(constraint)),
});

export const secrets = map(object<{ readonly source: string }>({ source: text({ min: 1 }) }));

export const environment = map(either<EnvValue>(text(), object<{ readonly secret: string }>({ secret: text() })));

export const resourceLimits = object<{ readonly cpus?: ResourceLimit; readonly mem?: ResourceLimit }>({
  cpus: optional(resourceLimit),
  mem: optional(resourceLimit),
});

export const unreachableStrategy = either<
  'disabled' | { readonly inactiveAfterSeconds?: number; readonly expungeAfterSeconds?: number }
>(
  literal('disabled'),
  object<{ readonly inactiveAfterSeconds?: number; readonly expungeAfterSeconds?: number }>({
    inactiveAfterSeconds: optional(longSeconds),
    expungeAfterSeconds: optional(longSeconds),
  }),
);

export const killSelection = literal('YOUNGEST_FIRST', 'OLDEST_FIRST');

export const executorResources = object<{ readonly cpus?: number; readonly mem?: number; readonly disk?: number }>({
  cpus: optional(number({ min: 0.1 })),
  mem: optional(number({ min: 32 })),
  disk: optional(number({ min: 10 })),
});

/** The value of a body of this shape, or everything that is wrong with it. */
export function checked<T>(check: Check<T>, json: unknown): Result<T> {
  const errors = createErrors();
  const value = check(json, '', errors);
  return value === undefined ? { ok: false, problem: problems.wrongTypes(errors.list()) } : good(value);
}
