import type {
  PodContainer,
  PodEndpoint,
  PodHealthCheck,
  PodNetwork,
  PodVolume,
} from '../../../../protocols/marathon/pods.ts';
import type { Constraint, PathId, Timestamp } from '../../../../protocols/marathon/types.ts';
import type { ModelConfig } from '../config.ts';
import { type Roles, rolesFor } from '../group.ts';
import { artifact, defined, distinct } from '../normalize.ts';
import { canonical } from '../path-id.ts';
import { good, problems, type Result } from '../problem.ts';
import type { RawNetwork, RawPod, RawPodContainer } from '../raw.ts';
import type { PodDefinition } from '../run-spec.ts';
import { type ReadContext, roleChangeErrors } from '../update.ts';
import { checkPod } from './schema.ts';
import { validatePod } from './validate.ts';

/** From bodies of pod requests to definitions. Source: api/v2/PodNormalization.scala, raml/PodConversion.scala of Marathon. */

const unlessEmpty = <T extends object>(value: T | undefined): T | undefined =>
  value === undefined || Object.keys(value).length === 0 ? undefined : value;

function network(raw: RawNetwork, config: ModelConfig): PodNetwork {
  const mode = raw.mode ?? 'container';
  return defined<PodNetwork>({
    mode,
    name: mode === 'container' ? (raw.name ?? config.defaultNetworkName) : undefined,
    labels: mode === 'host' ? undefined : unlessEmpty(raw.labels),
  });
}

function endpoint(raw: PodEndpoint, onContainerNetwork: boolean): PodEndpoint {
  return defined<PodEndpoint>({
    name: raw.name,
    containerPort: raw.containerPort,
    hostPort: raw.hostPort ?? (onContainerNetwork ? undefined : 0),
    protocol: unlessEmpty(raw.protocol),
    labels: unlessEmpty(raw.labels),
    networkNames: unlessEmpty(raw.networkNames),
  });
}

function healthCheck(raw: NonNullable<RawPodContainer['healthCheck']>): PodHealthCheck {
  return defined<PodHealthCheck>({
    http: raw.http && { ...raw.http, scheme: raw.http.scheme ?? 'HTTP' },
    tcp: raw.tcp,
    exec: raw.exec,
    gracePeriodSeconds: raw.gracePeriodSeconds ?? 300,
    intervalSeconds: raw.intervalSeconds ?? 60,
    maxConsecutiveFailures: raw.maxConsecutiveFailures ?? 3,
    timeoutSeconds: raw.timeoutSeconds ?? 20,
    delaySeconds: raw.delaySeconds ?? 15,
  });
}

function container(raw: RawPodContainer, onContainerNetwork: boolean): PodContainer {
  const { cpus = 1, mem = 128, disk = 0, gpus = 0 } = raw.resources;
  return defined<PodContainer>({
    name: raw.name,
    exec: raw.exec,
    resources: { cpus, mem, disk, gpus },
    resourceLimits: raw.resourceLimits,
    endpoints: unlessEmpty(raw.endpoints?.map((one) => endpoint(one, onContainerNetwork))),
    linuxInfo: raw.linuxInfo,
    image: raw.image,
    environment: unlessEmpty(raw.environment),
    user: raw.user,
    healthCheck: raw.healthCheck && healthCheck(raw.healthCheck),
    volumeMounts: unlessEmpty(raw.volumeMounts),
    artifacts: unlessEmpty(raw.artifacts?.map(artifact)),
    labels: unlessEmpty(raw.labels),
    lifecycle: raw.lifecycle,
    tty: raw.tty,
  });
}

function volume(raw: PodVolume): PodVolume {
  if (!('persistent' in raw)) return raw;
  const { persistent } = raw;
  const type = persistent.type ?? (persistent.profileName === undefined ? 'root' : 'mount');
  return { ...raw, persistent: { ...persistent, type, constraints: persistent.constraints ?? [] } };
}

/** The complete definition of a valid body. */
function normalisePod(raw: RawPod, config: ModelConfig, role: string, now: Timestamp): PodDefinition {
  const networks = (raw.networks ?? []).map((one) => network(one, config));
  const onContainerNetwork = networks.some(({ mode }) => mode === 'container');
  const volumes = (raw.volumes ?? []).map(volume);
  const resident = volumes.some((one) => 'persistent' in one);
  const { backoff, upgrade, placement, killSelection, unreachableStrategy } = raw.scheduling ?? {};
  const defaultUpgrade = resident
    ? { minimumHealthCapacity: 0.5, maximumOverCapacity: 0 }
    : { minimumHealthCapacity: 1, maximumOverCapacity: 1 };
  return defined<PodDefinition>({
    id: raw.id,
    acceptedResourceRoles: unlessEmpty(placement?.acceptedResourceRoles && distinct(placement.acceptedResourceRoles)),
    backoffFactor: backoff?.backoffFactor ?? 1.15,
    backoffSeconds: backoff?.backoff ?? 1,
    constraints: distinct(
      (placement?.constraints ?? []).map(
        ({ fieldName, operator, value }): Constraint =>
          value === undefined ? [fieldName, operator] : [fieldName, operator, value],
      ),
    ),
    containers: raw.containers.map((one) => container(one, onContainerNetwork)),
    dependencies: [],
    env: raw.environment ?? {},
    executorResources: {
      cpus: raw.executorResources?.cpus ?? 0.1,
      mem: raw.executorResources?.mem ?? 32,
      disk: raw.executorResources?.disk ?? 10,
    },
    instances: raw.scaling?.instances ?? 1,
    killSelection: killSelection ?? 'YOUNGEST_FIRST',
    labels: raw.labels ?? {},
    legacySharedCgroups: raw.legacySharedCgroups || undefined,
    linuxInfo: raw.linuxInfo,
    maxLaunchDelaySeconds: backoff?.maxLaunchDelay ?? 300,
    networks,
    role,
    secrets: raw.secrets ?? {},
    unreachableStrategy:
      unreachableStrategy === 'disabled'
        ? 'disabled'
        : unreachableStrategy === undefined && resident
          ? 'disabled'
          : {
              inactiveAfterSeconds: unreachableStrategy?.inactiveAfterSeconds ?? 0,
              expungeAfterSeconds: unreachableStrategy?.expungeAfterSeconds ?? 0,
            },
    upgradeStrategy: upgrade
      ? {
          minimumHealthCapacity: upgrade.minimumHealthCapacity ?? 1,
          maximumOverCapacity: upgrade.maximumOverCapacity ?? 1,
        }
      : defaultUpgrade,
    user: raw.user,
    version: now,
    versionInfo: { lastScalingAt: now, lastConfigChangeAt: now },
    volumes,
  });
}

/** The complete definition of a well-typed body: validated, with all defaults. Its id is absolute. */
export function completePod(
  given: RawPod,
  config: ModelConfig,
  place: { readonly roles: Roles; readonly now: Timestamp },
): Result<PodDefinition> {
  const raw: RawPod = { ...given, role: given.role ?? place.roles.default };
  const errors = validatePod(raw, config, place.roles.valid);
  if (errors.length > 0) return { ok: false, problem: problems.notValid(errors) };
  return good(normalisePod(raw, config, raw.role ?? place.roles.default, place.now));
}

/** `POST /v2/pods` and `PUT /v2/pods/{id}`: a complete definition from a parsed body; its version is `now`. */
export function readPod(json: unknown, context: ReadContext): Result<PodDefinition> {
  const raw = checkPod(json);
  if (!raw.ok) return raw;
  const id: PathId = canonical(raw.value.id);
  const roles = rolesFor(context.root, id, context.config);
  const { config, now } = context;
  const pod = completePod(raw.value, config, { roles, now });
  if (!pod.ok) return pod;
  const errors = roleChangeErrors(context, id, pod.value);
  return errors.length > 0 ? { ok: false, problem: problems.notValid(errors) } : good(pod.value);
}
