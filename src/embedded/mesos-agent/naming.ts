import type {
  ContainerInfo,
  ContainerStatus,
  ExecutorInfo,
  FrameworkInfo,
  Resource,
  TaskInfo,
} from '../../protocols/mesos/types.ts';

/** What the real agent reserves for the executor of each command task, on top of the task's own resources. */
function overhead(role: string | undefined): Resource[] {
  const allocated = role === undefined ? {} : { allocation_info: { role } };
  return [
    { name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 }, ...allocated },
    { name: 'mem', type: 'SCALAR', scalar: { value: 32 }, ...allocated },
  ];
}

/** `Command Executor (Task: id) (Command: sh -c 'first 12 ch...')`. */
export function commandExecutorName(task: TaskInfo): string {
  const { shell, value = '', arguments: args = [] } = task.command ?? {};
  const shown =
    shell === false
      ? `[${[value, ...args].join(', ')}]`
      : `sh -c '${value.length > 15 ? `${value.slice(0, 12)}...` : value}'`;
  return `Command Executor (Task: ${task.task_id.value}) (Command: ${shown})`;
}

/** The executor that stands for a command task. Source: Slave::getExecutorInfo of Apache Mesos. */
export function commandExecutorInfo(task: TaskInfo, framework: FrameworkInfo, launcherDir: string): ExecutorInfo {
  const role = task.resources?.find((resource) => resource.allocation_info)?.allocation_info?.role;
  return {
    executor_id: { value: task.task_id.value },
    ...(framework.id ? { framework_id: framework.id } : {}),
    command: {
      shell: false,
      value: `${launcherDir}/mesos-executor`,
      arguments: ['mesos-executor', `--launcher_dir=${launcherDir}`],
    },
    ...(task.container ? { container: task.container } : {}),
    resources: overhead(role),
    name: commandExecutorName(task),
    source: task.task_id.value,
    ...(task.discovery ? { discovery: task.discovery } : {}),
    ...(task.labels ? { labels: task.labels } : {}),
  };
}

/** A container's part of every status. */
export function containerStatusOf(ip: string, containerId: string, parent?: string): ContainerStatus {
  return {
    container_id: { value: containerId, ...(parent === undefined ? {} : { parent: { value: parent } }) },
    network_infos: [{ ip_addresses: [{ protocol: 'IPv4', ip_address: ip }] }],
  };
}

/** What an agent can run tasks as. */
export interface Abilities {
  /** Processes of its own: tasks without an image. */
  processes: boolean;
  /** Containers of a Docker engine. */
  docker: boolean;
}

/** Why a task can't run here, with the way out; undefined when it can. `inGroup`: it is a container of a pod. */
export function refuseContainer(
  task: Pick<TaskInfo, 'container'>,
  can: Abilities,
  inGroup = false,
): string | undefined {
  const { container } = task;
  if (container?.type === 'DOCKER' && can.docker) return undefined;
  const image = imageOf(container);
  if (image === undefined && container?.type !== 'DOCKER')
    return can.processes
      ? undefined
      : 'None of the enabled containerizers (docker) could create a container for the provided TaskInfo/ExecutorInfo message';
  if (inGroup)
    return `Failed to launch container: the task needs the image '${image ?? ''}', and the containers of pods run without images here. Take the image out of the pod's definition, or deploy the container as an app of type 'DOCKER'${can.docker ? '' : " in a cluster with '--runtime docker'"}`;
  return can.docker
    ? `Failed to launch container: the task needs the image '${image ?? ''}' in a Mesos container, and this agent runs images as Docker containers only. Give the app's container the type 'DOCKER'`
    : `Failed to launch container: the task needs the image '${image ?? ''}', and this agent runs tasks as local processes. Run the cluster with '--runtime docker', or take the image out of the app definition`;
}

/** The image that a container is to be made of, if any. */
export function imageOf(container: ContainerInfo | undefined): string | undefined {
  return container?.docker?.image ?? imageName(container?.mesos);
}

function imageName(mesos: Record<string, unknown> | undefined): string | undefined {
  const image = mesos?.image as { docker?: { name?: string }; appc?: { name?: string } } | undefined;
  return image ? (image.docker?.name ?? image.appc?.name ?? '') : undefined;
}
