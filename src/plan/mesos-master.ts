import { posix } from 'node:path';
import { type ComponentContext, isDevelopment, mergeSettings, publishedUrl, servicePlan, zkUrl } from './component.ts';
import type { ServicePlan } from './types.ts';

/** The path below which masters are elected and found. */
export const mesosPath = '/mesos';

/**
 * A Mesos master, told by flags; elected through ZooKeeper at `/mesos`. Known to be ready when it answers /health and
 * knows a leader.
 */
export function mesosMaster(context: ComponentContext): ServicePlan {
  const { place, control, config } = context;
  const url = publishedUrl(place, 'mesos-master');
  const own = config.components['mesos-master'];
  const flags = mergeSettings(
    {
      zk: zkUrl(context, mesosPath),
      quorum: Math.floor(control.length / 2) + 1,
      work_dir: posix.join(place.dataDir, 'mesos-master'),
      ip: place.address,
      port: place.ports['mesos-master'],
      hostname: place.address,
      hostname_lookup: 'false',
      cluster: config.name,
      ...(isDevelopment(context)
        ? {
            zk_session_timeout: '2secs',
            allocation_interval: '100ms',
            agent_ping_timeout: '2secs',
            max_agent_ping_timeouts: 3,
          }
        : {}),
    },
    own,
    'MESOS_',
  );
  return servicePlan('mesos-master', context, {
    args: [...flags].map(([name, value]) => `--${name}=${value}`),
    // As the first process of a container it would ignore SIGTERM.
    container: { init: true, capabilities: { add: [], drop: ['ALL'] } },
    ports: ['mesos-master'],
    url,
    probe: { kind: 'mesos-master', url },
    after: ['zookeeper'],
  });
}
