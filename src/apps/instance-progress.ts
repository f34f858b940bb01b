import type { MarathonEvent } from '../protocols/marathon/types.ts';

/** What is known of one instance from events. */
interface InstanceState {
  app: string;
  host: string;
  state: string;
  healthy?: boolean;
}

/** A task that ended by itself. */
export interface FailedTask {
  taskId: string;
  appId: string;
  /** A sentence: where, how, and why as far as it was said. */
  what: string;
}

export interface InstanceProgress {
  /** @returns a sentence about the instance when the event tells something new of one */
  observe(event: MarathonEvent): string | undefined;
  /** Of all instances that events told of: `2 running, 1 healthy, 1 starting`. */
  summary(): string;
  /** The task that failed last. */
  readonly failed: FailedTask | undefined;
}

const failures = new Set(['TASK_FAILED', 'TASK_ERROR', 'TASK_LOST', 'TASK_DROPPED', 'TASK_GONE']);
const starting = new Set(['TASK_STAGING', 'TASK_STARTING', 'TASK_CREATED']);

/** Follows the instances of apps through Marathon's events. */
export function createInstanceProgress(isOurs: (app: string) => boolean): InstanceProgress {
  const instances = new Map<string, InstanceState>();
  let failed: FailedTask | undefined;

  const onStatus = (event: Extract<MarathonEvent, { eventType: 'status_update_event' }>) => {
    const id = shortId(event.taskId);
    const known = instances.get(id);
    const name = `${event.appId} ${id} on ${event.host}`;
    if (failures.has(event.taskStatus)) {
      const what = `${event.appId} on ${event.host}: ${event.taskStatus}${event.message ? `, ${event.message}` : ''}`;
      failed = { taskId: event.taskId, appId: event.appId, what };
      instances.delete(id);
      return what;
    }
    if (starting.has(event.taskStatus) || event.taskStatus === 'TASK_RUNNING') {
      const state = event.taskStatus === 'TASK_RUNNING' ? 'running' : 'starting';
      instances.set(id, { ...known, app: event.appId, host: event.host, state });
      return known?.state === state ? undefined : `${name}: ${state}`;
    }
    instances.delete(id);
    return event.taskStatus === 'TASK_KILLING' ? undefined : `${name}: ${word(event.taskStatus)}`;
  };

  const onHealth = (app: string, instanceId: string, healthy: boolean | null) => {
    const id = shortId(instanceId);
    const known = instances.get(id);
    if (healthy === null || known?.healthy === healthy) return undefined;
    instances.set(id, { host: '', state: 'running', ...known, app, healthy });
    return `${app} ${id}${known?.host ? ` on ${known.host}` : ''}: ${healthy ? 'healthy' : 'unhealthy'}`;
  };

  return {
    observe(event) {
      switch (event.eventType) {
        case 'status_update_event':
          return isOurs(event.appId) ? onStatus(event) : undefined;
        case 'instance_health_changed_event':
          return isOurs(event.runSpecId) ? onHealth(event.runSpecId, event.instanceId, event.healthy) : undefined;
        case 'health_status_changed_event':
          return isOurs(event.appId) ? onHealth(event.appId, event.instanceId, event.alive) : undefined;
        default:
          return undefined;
      }
    },
    summary() {
      const all = [...instances.values()];
      const count = (text: string, test: (each: InstanceState) => boolean) => {
        const number = all.filter(test).length;
        return number > 0 ? [`${number} ${text}`] : [];
      };
      return [
        ...count('running', ({ state }) => state === 'running'),
        ...count('healthy', ({ healthy }) => healthy === true),
        ...count('unhealthy', ({ healthy }) => healthy === false),
        ...count('starting', ({ state }) => state === 'starting'),
      ].join(', ');
    },
    get failed() {
      return failed;
    },
  };
}

/** The first digits of the unique part of a task's or an instance's id, which tell those of an app apart. */
export function shortId(id: string): string {
  return /[0-9a-f]{8}(?=-[0-9a-f]{4}-)/.exec(id)?.[0] ?? id.slice(id.lastIndexOf('.') + 1);
}

function word(state: string): string {
  return state.replace('TASK_', '').toLowerCase();
}
