import {
  type ComponentContext,
  isDevelopment,
  mergeSettings,
  publishedUrl,
  type Settings,
  servicePlan,
  zkUrl,
} from './component.ts';
import { networkName } from './docker-names.ts';
import { mesosPath } from './mesos-master.ts';
import type { ContainerPlan, ServicePlan } from './types.ts';

const marathonPath = '/marathon';

/**
 * A Marathon instance, told by options; elected through ZooKeeper, where it keeps its state below `/marathon`. Known
 * to be ready when it answers /v2/info with a leader and a framework id.
 */
export function marathon(context: ComponentContext): ServicePlan {
  const { place, config } = context;
  const url = publishedUrl(place, 'marathon');
  const gpus = config.nodes.some((node) => node.gpus > 0);
  const options: Settings = {
    master: zkUrl(context, mesosPath),
    zk: zkUrl(context, marathonPath),
    hostname: place.address,
    http_address: place.address,
    http_port: place.ports.marathon,
    // Tasks of the real agents' containers have no other users.
    ...(context.engine === 'mesos' ? { mesos_user: 'root' } : {}),
    // Apps on a container network need not know what the cluster's is called.
    ...(context.runtime === 'docker' ? { default_network_name: networkName(config.name) } : {}),
    enable_features: ['secrets', ...(gpus ? ['gpu_resources'] : [])].join(','),
    ...(isDevelopment(context)
      ? {
          zk_session_timeout: 2000,
          // Apps start as fast as offers come: the real defaults allow some 15 launches a second at most.
          min_revive_offers_interval: 100,
          launch_tokens: 100_000,
          launch_token_refresh_interval: 1000,
          max_instances_per_offer: 100,
          decline_offer_duration: 1000,
          reconciliation_initial_delay: 2000,
          reconciliation_interval: 60_000,
          scale_apps_initial_delay: 2000,
          scale_apps_interval: 30_000,
          kill_retry_timeout: 5000,
        }
      : {}),
  };
  const merged = mergeSettings(options, config.components.marathon, 'MARATHON_');
  return servicePlan('marathon', context, {
    ...(context.engine === 'mesos' ? realMarathon(context) : {}),
    args: [...merged].flatMap(([name, value]) => toArguments(name, value)),
    ports: ['marathon'],
    url,
    probe: { kind: 'marathon', url },
    after: ['zookeeper', 'mesos-master'],
  });
}

/** Megabytes of the JVM's heap, which would take a quarter of the machine's memory. */
const heapMb = 512;

/**
 * The real one reaches masters through libmesos, which has to be told the node's address. Its JVM needs as much again as
 * its heap.
 */
function realMarathon({ place, config }: ComponentContext): {
  env: Record<string, string>;
  startSeconds: number;
  container: Partial<ContainerPlan>;
} {
  const env = config.components.marathon.env;
  return {
    env: {
      LIBPROCESS_IP: place.address,
      JAVA_OPTS: `-Xmx${heapMb}m -XX:+ExitOnOutOfMemoryError`,
    },
    // Its JVM may need a minute to listen, and more where it is emulated.
    startSeconds: 180,
    container: {
      init: true,
      // A heap of the user's own has a size that is not known here.
      ...('JAVA_OPTS' in env ? {} : { memory: 2 * heapMb * 1024 * 1024 }),
    },
  };
}

/** Marathon's switches take no value: `--name` turns one on, `--disable_name` off. */
function toArguments(name: string, value: string | true): string[] {
  if (value === true || value === 'true') return [`--${name}`];
  if (value === 'false') return [`--disable_${name}`];
  return [`--${name}`, value];
}
