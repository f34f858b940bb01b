import { posix } from 'node:path';
import {
  type ComponentContext,
  isDevelopment,
  mergeSettings,
  publishedUrl,
  realImage,
  type Settings,
  servicePlan,
  zkUrl,
} from './component.ts';
import { dockerCliVolumeName, engineSocket, networkName, nodeContainerName } from './docker-names.ts';
import { dockerCliOf, dockerCliPath } from './image-sets.ts';
import { mesosPath } from './mesos-master.ts';
import { agentDocker, agentSupervisor, inAgent } from './real-agent.ts';
import type { ContainerPlan, ServicePlan } from './types.ts';

/**
 * A Mesos agent, told by flags; finds the leading master through ZooKeeper. What it offers is declared, not measured.
 * Known to be ready when the leading master lists it as active.
 */
export function mesosAgent(context: ComponentContext): ServicePlan {
  const { place, node, config, runtime, site, engine } = context;
  const url = publishedUrl(place, 'mesos-agent');
  const resources = [
    `cpus:${node.cpus}`,
    `mem:${node.mem}`,
    `disk:${node.disk}`,
    ...(node.gpus > 0 ? [`gpus:${node.gpus}`] : []),
    `ports:[${place.taskPorts.begin}-${place.taskPorts.end}]`,
  ];
  const attributes = { node: node.name, ...node.attributes };
  const dns = `${place.published.dns.host}:${place.published.dns.port}`;
  const flags = mergeSettings(
    {
      master: zkUrl(context, mesosPath),
      work_dir: posix.join(place.dataDir, 'mesos-agent'),
      runtime_dir: posix.join(place.dataDir, 'mesos-agent-run'),
      ip: place.address,
      port: place.ports['mesos-agent'],
      hostname: place.address,
      hostname_lookup: 'false',
      containerizers: runtime === 'docker' ? 'docker,mesos' : 'mesos',
      launcher: 'posix',
      isolation: 'posix/cpu,posix/mem',
      systemd_enable_support: 'false',
      switch_user: 'false',
      reconfiguration_policy: 'additive',
      resources: resources.join(';'),
      attributes: Object.entries(attributes)
        .map(([key, value]) => `${key}:${value}`)
        .join(';'),
      // Docker tasks have Mesos-DNS as their resolver; others are told where it is.
      ...(runtime === 'process'
        ? { executor_environment_variables: JSON.stringify({ MESOS_DNS_SERVER: dns }) }
        : { ...dockerFlags(context), ...(engine === 'mesos' ? realFlags : {}) }),
      // The real agent knows no secrets without a module of its own.
      ...(engine === 'embedded' && site.secretsDir ? { secrets_dir: site.secretsDir } : {}),
      ...(isDevelopment(context)
        ? {
            // Agents are only told by ZooKeeper who leads; a longer session than the candidates' saves pings.
            zk_session_timeout: '4secs',
            registration_backoff_factor: '10ms',
            // A laptop's disk is often nearly full; sandboxes with the logs of failed tasks are kept all the same.
            gc_disk_headroom: 0,
          }
        : {}),
    },
    config.components['mesos-agent'],
    'MESOS_',
  );
  return servicePlan('mesos-agent', context, {
    args: [...flags].map(([name, value]) => `--${name}=${value}`),
    ...(runtime === 'docker' ? { env: dockerVariables(context) } : {}),
    ...(runtime === 'docker' && engine === 'mesos' ? realAgent(context) : {}),
    ports: ['mesos-agent'],
    url,
    probe: { kind: 'mesos-agent', url },
    after: ['zookeeper', 'mesos-master'],
  });
}

/**
 * Several agents share one engine. The real one takes the others' containers for its own left-overs, so it must not end
 * any; the embedded one knows its own by their labels.
 */
function dockerFlags({ place, site, engine }: ComponentContext): Settings {
  const own = place.address;
  const others = site.nodes.map(({ address }) => address).filter((address) => address !== own);
  const dns = { nameservers: [own, ...others].slice(0, mostNameservers) };
  return {
    docker_socket: engineSocket,
    ...(engine === 'mesos' ? { docker_kill_orphans: 'false' } : {}),
    docker_remove_delay: '1mins',
    default_container_dns: JSON.stringify({
      docker: [
        { network_mode: 'BRIDGE', dns },
        { network_mode: 'USER', dns },
      ],
    }),
  };
}

/** The system's resolver looks at no more of them. */
const mostNameservers = 3;

/**
 * What an agent has to know to give its Docker tasks their place: the labels that say whose they are, the cluster's own
 * network, and the container whose network namespace is the node's.
 */
function dockerVariables({ config, node }: ComponentContext): Record<string, string> {
  return {
    DEVCLUSTER_CLUSTER: config.name,
    DEVCLUSTER_NODE: node.name,
    DEVCLUSTER_NETWORK: networkName(config.name),
    DEVCLUSTER_NODE_CONTAINER: nodeContainerName(config.name, node.name),
  };
}

/** The real agent's docker command is devcluster's, and images may take minutes to be fetched. */
const realFlags: Settings = {
  docker: inAgent.docker,
  isolation: 'posix/cpu,posix/mem,filesystem/posix',
  executor_registration_timeout: '5mins',
};

/**
 * A real agent has to see the processes of task containers to notice their end, and to enter their networks for health
 * checks. Executors are its children and end with its container, so its process is restarted alone.
 */
function realAgent(context: ComponentContext): {
  files: ServicePlan['files'];
  env: Record<string, string>;
  container: Partial<ContainerPlan>;
} {
  const { entrypoint } = realImage(context, 'mesos-agent');
  const cli = dockerCliOf(context.config, context.site.imageSet ?? 'clusterd');
  const own = context.place.address;
  const others = context.site.nodes.map(({ address }) => address).filter((address) => address !== own);
  return {
    files: [
      { path: inAgent.supervisor, content: agentSupervisor(), mode: 0o755 },
      {
        path: inAgent.docker,
        content: agentDocker({
          cluster: context.config.name,
          node: context.node.name,
          network: networkName(context.config.name),
          holder: nodeContainerName(context.config.name, context.node.name),
          nameservers: [own, ...others].slice(0, 2),
        }),
        mode: 0o755,
      },
    ],
    env: dockerVariables(context),
    container: {
      entrypoint: ['/bin/sh', inAgent.supervisor, ...(entrypoint ?? ['mesos-agent'])],
      hostPid: true,
      capabilities: { add: ['SYS_ADMIN', 'SYS_PTRACE'], drop: [] },
      binds: [
        { source: engineSocket, target: engineSocket, readOnly: false },
        // Where the agent reads what tasks use. Mesos before 1.10 also writes the limits of each task anew after the
        // agent's restart, and ends the task when it can't; read-only binds leave no way to since Engine 25.
        { source: '/sys/fs/cgroup', target: '/sys/fs/cgroup', readOnly: false },
      ],
      ...(cli
        ? {
            programs: {
              image: cli.reference,
              folder: posix.dirname(dockerCliPath),
              volume: dockerCliVolumeName(context.config.name, cli.reference),
              target: inAgent.programs,
            },
          }
        : {}),
      supervisor: { stop: 'SIGUSR1', start: 'SIGUSR2', stoppedFile: inAgent.stoppedFile },
    },
  };
}
