import type { PodContainerStatus, PodInstanceStatus, PodStatus } from '../protocols/marathon/pods.ts';
import type { AppInfo, Task } from '../protocols/marathon/types.ts';

/** An entry of `apps --json`. */
export interface ListedApp {
  id: string;
  /** Only of pods; their tasks are the containers of their instances. */
  pod?: true;
  instances: number;
  tasksRunning: number;
  tasksHealthy: number;
  tasksUnhealthy: number;
  version: string | undefined;
  deployments: string[];
  tasks: ListedTask[];
}

export interface ListedTask {
  id: string;
  host: string | undefined;
  ports: readonly number[];
  state: string;
  /** undefined without health checks or before the first result. */
  healthy: boolean | undefined;
}

/** What a table says besides. */
export interface Listed {
  document: ListedApp;
  /** Of an app its tasks; of a pod those instances all of whose containers run. */
  instancesRunning: number;
  /** Whether anybody looks at its health. */
  checked: boolean;
}

export function listedApp(app: AppInfo): Listed {
  const tasksRunning = app.tasksRunning ?? 0;
  const document = {
    id: app.id,
    instances: app.instances,
    tasksRunning,
    tasksHealthy: app.tasksHealthy ?? 0,
    tasksUnhealthy: app.tasksUnhealthy ?? 0,
    version: app.version,
    deployments: (app.deployments ?? []).map(({ id }) => id),
    tasks: (app.tasks ?? []).map((task) => ({
      id: task.id,
      host: task.host,
      ports: task.ports,
      state: task.state,
      healthy: isHealthy(task),
    })),
  };
  return { document, instancesRunning: tasksRunning, checked: (app.healthChecks ?? []).length > 0 };
}

function isHealthy(task: Task): boolean | undefined {
  if (task.healthCheckResults.length === 0) return undefined;
  return task.healthCheckResults.every(({ alive }) => alive);
}

/** @param deployments those that are under way */
export function listedPod(
  pod: PodStatus,
  deployments: readonly { readonly id: string; readonly affectedPods?: readonly string[] }[],
): Listed {
  const tasks = pod.instances.flatMap((instance) => instance.containers.map((each) => listedContainer(instance, each)));
  const count = (fits: (task: ListedTask) => boolean) => tasks.filter(fits).length;
  const document = {
    id: pod.id,
    pod: true as const,
    instances: pod.spec.scaling.instances,
    tasksRunning: count(({ state }) => state === 'TASK_RUNNING'),
    tasksHealthy: count(({ healthy }) => healthy === true),
    tasksUnhealthy: count(({ healthy }) => healthy === false),
    version: pod.spec.version,
    deployments: deployments.filter(({ affectedPods }) => affectedPods?.includes(pod.id)).map(({ id }) => id),
    tasks,
  };
  return {
    document,
    instancesRunning: pod.instances.filter(isWhole).length,
    checked: pod.spec.containers.some(({ healthCheck }) => healthCheck !== undefined),
  };
}

function isWhole({ containers }: PodInstanceStatus): boolean {
  return containers.length > 0 && containers.every(({ status }) => status === 'TASK_RUNNING');
}

function listedContainer(instance: PodInstanceStatus, container: PodContainerStatus): ListedTask {
  const health = container.conditions.find(({ name }) => name === 'healthy');
  return {
    id: container.containerId ?? `${instance.id}.${container.name}`,
    host: instance.agentHostname,
    ports: container.endpoints.flatMap(({ allocatedHostPort }) => allocatedHostPort ?? []),
    state: container.status,
    healthy: health && health.reason !== 'health-unreported-by-mesos' ? health.value === 'true' : undefined,
  };
}
