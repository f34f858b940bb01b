import type {
  PodConstraint,
  PodEndpoint,
  PodHealthCheck,
  PodImage,
  PodVolume,
  PodVolumeMount,
} from '../../../../protocols/marathon/pods.ts';
import { type Check, flag, integer, isObject, list, literal, number, object, optional, text } from '../json-check.ts';
import type { Result } from '../problem.ts';
import type { RawNetwork, RawPod, RawPodContainer } from '../raw.ts';
import {
  anyPort,
  artifact,
  checked,
  environment,
  execCommand,
  executorResources,
  httpScheme,
  killSelection,
  labels,
  linuxInfo,
  name,
  network,
  pathId,
  persistentInfo,
  resourceLimits,
  sandboxPath,
  seconds,
  secrets,
  timestamp,
  unreachableStrategy,
} from '../schema-parts.ts';

/** The shape of pod bodies. Source: docs/docs/rest-api/public/api/v2/types/{pod,podContainer,volumes}.raml of Marathon. */

const endpoint = object<PodEndpoint>({
  name,
  containerPort: optional(anyPort),
  hostPort: optional(anyPort),
  protocol: optional(list(name, { min: 1 })),
  labels: optional(labels),
  networkNames: optional(list(name)),
});

const image = object<PodImage>({
  kind: literal('DOCKER'),
  id: sandboxPath,
  pullConfig: optional(object<{ readonly secret: string }>({ secret: text() })),
  forcePull: optional(flag),
  labels: optional(labels),
});

const healthCheck = object<{ readonly [K in keyof PodHealthCheck]?: PodHealthCheck[K] }>({
  http: optional(
    object<NonNullable<PodHealthCheck['http']>>({
      endpoint: name,
      path: optional(sandboxPath),
      scheme: optional(httpScheme),
    }),
  ),
  tcp: optional(object<NonNullable<PodHealthCheck['tcp']>>({ endpoint: name })),
  exec: optional(object<NonNullable<PodHealthCheck['exec']>>({ command: execCommand })),
  gracePeriodSeconds: optional(seconds),
  intervalSeconds: optional(seconds),
  maxConsecutiveFailures: optional(seconds),
  timeoutSeconds: optional(seconds),
  delaySeconds: optional(seconds),
});

const positive = number({ min: 0.001 });

const container = object<RawPodContainer>({
  name,
  exec: optional(
    object<NonNullable<RawPodContainer['exec']>>({ command: execCommand, overrideEntrypoint: optional(flag) }),
  ),
  resources: object<RawPodContainer['resources']>({
    cpus: optional(positive),
    mem: optional(positive),
    disk: optional(number({ min: 0 })),
    gpus: optional(seconds),
  }),
  resourceLimits: optional(resourceLimits),
  endpoints: optional(list(endpoint)),
  linuxInfo: optional(linuxInfo),
  image: optional(image),
  environment: optional(environment),
  user: optional(text()),
  healthCheck: optional(healthCheck),
  volumeMounts: optional(list(object<PodVolumeMount>({ name, mountPath: sandboxPath, readOnly: optional(flag) }))),
  artifacts: optional(list(artifact)),
  labels: optional(labels),
  lifecycle: optional(
    object<NonNullable<RawPodContainer['lifecycle']>>({ killGracePeriodSeconds: optional(number({ min: 0 })) }),
  ),
  tty: optional(flag),
});

/** The member that only one kind of volume has tells the kind. */
const volume: Check<PodVolume> = (json, path, errors) => {
  const shape: Check<PodVolume> = !isObject(json)
    ? object<PodVolume>({ name })
    : 'persistent' in json
      ? object({ name: text({ min: 1 }), persistent: persistentInfo })
      : 'secret' in json
        ? object({ name: text({ min: 1 }), secret: text({ min: 1 }) })
        : 'host' in json
          ? object({ name, host: text() })
          : object<PodVolume>({ name });
  return shape(json, path, errors);
};

const placementConstraint = object<PodConstraint>({
  fieldName: text(),
  operator: literal('UNIQUE', 'CLUSTER', 'GROUP_BY', 'LIKE', 'UNLIKE', 'MAX_PER', 'IS'),
  value: optional(text()),
});

const share = number({ min: 0, max: 1 });
const amount = number({ min: 0 });

type Scheduling = NonNullable<RawPod['scheduling']>;

const scheduling = object<Scheduling>({
  backoff: optional(
    object<NonNullable<Scheduling['backoff']>>({
      backoff: optional(amount),
      backoffFactor: optional(amount),
      maxLaunchDelay: optional(amount),
    }),
  ),
  upgrade: optional(
    object<NonNullable<Scheduling['upgrade']>>({
      minimumHealthCapacity: optional(share),
      maximumOverCapacity: optional(share),
    }),
  ),
  placement: optional(
    object<NonNullable<Scheduling['placement']>>({
      constraints: optional(list(placementConstraint)),
      acceptedResourceRoles: optional(list(text())),
    }),
  ),
  killSelection: optional(killSelection),
  unreachableStrategy: optional(unreachableStrategy),
});

export const podShape = object<RawPod>({
  id: pathId,
  labels: optional(labels),
  version: optional(timestamp),
  user: optional(text()),
  environment: optional(environment),
  containers: list(container, { min: 1 }),
  secrets: optional(secrets),
  volumes: optional(list(volume)),
  networks: optional(list(network as Check<RawNetwork>)),
  scaling: optional(
    object<NonNullable<RawPod['scaling']>>({
      kind: optional(literal('fixed')),
      instances: optional(integer({ min: 0 })),
    }),
  ),
  scheduling: optional(scheduling),
  executorResources: optional(executorResources),
  role: optional(text({ min: 1 })),
  linuxInfo: optional(linuxInfo),
  legacySharedCgroups: optional(flag),
});

/** Checks a complete pod definition. */
export function checkPod(json: unknown): Result<RawPod> {
  return checked(podShape, json);
}

/** Checks the body of `DELETE /v2/pods/{id}::instances`: a list of instance ids. */
export function checkInstanceIds(json: unknown): Result<readonly string[]> {
  return checked(list(text()), json);
}
