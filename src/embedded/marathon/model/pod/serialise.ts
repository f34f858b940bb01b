import type { PodConstraint, PodJson } from '../../../../protocols/marathon/pods.ts';
import { defined } from '../normalize.ts';
import type { PodDefinition } from '../run-spec.ts';

const unlessEmpty = <T extends object>(value: T): T | undefined =>
  Object.keys(value).length === 0 ? undefined : value;

/** The pod as the API writes it: empty collections are left out. Source: raml/PodConversion.scala of Marathon. */
export function serialisePod(pod: PodDefinition): PodJson {
  const constraints = pod.constraints.map(([fieldName, operator, value]) =>
    defined<PodConstraint>({ fieldName, operator, value }),
  );
  return defined<PodJson>({
    id: pod.id,
    labels: unlessEmpty(pod.labels),
    version: pod.version,
    user: pod.user,
    environment: unlessEmpty(pod.env),
    containers: pod.containers,
    secrets: unlessEmpty(pod.secrets),
    volumes: unlessEmpty(pod.volumes),
    networks: unlessEmpty(pod.networks),
    scaling: { kind: 'fixed', instances: pod.instances },
    scheduling: {
      backoff: {
        backoff: pod.backoffSeconds,
        backoffFactor: pod.backoffFactor,
        maxLaunchDelay: pod.maxLaunchDelaySeconds,
      },
      upgrade: pod.upgradeStrategy,
      placement: defined<PodJson['scheduling']['placement']>({
        constraints: unlessEmpty(constraints),
        acceptedResourceRoles: pod.acceptedResourceRoles,
      }),
      killSelection: pod.killSelection,
      unreachableStrategy: pod.unreachableStrategy,
    },
    executorResources: pod.executorResources,
    role: pod.role,
    linuxInfo: pod.linuxInfo,
    legacySharedCgroups: pod.legacySharedCgroups || undefined,
  });
}
