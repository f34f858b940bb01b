import type { Condition, Instance } from './model/instance.ts';

export interface InstanceChange {
  readonly before: Instance | undefined;
  /** Undefined: forgotten. */
  readonly after: Instance | undefined;
}

export interface InstanceTracker {
  get(id: string): Instance | undefined;
  /** Those of one app, in order of creation. */
  ofApp(appId: string): readonly Instance[];
  all(): IterableIterator<Instance>;
  appIds(): IterableIterator<string>;
  readonly size: number;
  /** Adds or replaces an instance; what listeners change in turn is told after the change itself. */
  put(instance: Instance): void;
  forget(id: string): void;
  /** Listeners are called for every change, in the order in which they were added. */
  onChange(listener: (change: InstanceChange) => void): void;
}

/**
 * Every instance the leader knows of.
 * @param keep stores a change
 */
export function createInstanceTracker(
  initial: Iterable<Instance>,
  keep: (change: InstanceChange) => void,
): InstanceTracker {
  const instances = new Map<string, Instance>();
  const byApp = new Map<string, Map<string, Instance>>();
  const lists = new Map<string, readonly Instance[]>();
  const listeners: ((change: InstanceChange) => void)[] = [];
  const changes: InstanceChange[] = [];
  let telling = false;

  const set = (instance: Instance) => {
    instances.set(instance.id, instance);
    let ofApp = byApp.get(instance.appId);
    if (!ofApp) byApp.set(instance.appId, (ofApp = new Map()));
    ofApp.set(instance.id, instance);
    lists.delete(instance.appId);
  };
  const tell = (change: InstanceChange) => {
    keep(change);
    changes.push(change);
    if (telling) return;
    telling = true;
    try {
      for (let next = changes.shift(); next; next = changes.shift()) for (const listener of listeners) listener(next);
    } finally {
      telling = false;
    }
  };
  for (const instance of initial) set(instance);

  return {
    get: (id) => instances.get(id),
    ofApp(appId) {
      let list = lists.get(appId);
      if (!list) lists.set(appId, (list = [...(byApp.get(appId)?.values() ?? [])]));
      return list;
    },
    all: () => instances.values(),
    appIds: () => byApp.keys(),
    get size() {
      return instances.size;
    },
    put(instance) {
      const before = instances.get(instance.id);
      if (before === instance) return;
      set(instance);
      tell({ before, after: instance });
    },
    forget(id) {
      const before = instances.get(id);
      if (!before) return;
      instances.delete(id);
      const ofApp = byApp.get(before.appId);
      ofApp?.delete(id);
      if (ofApp?.size === 0) byApp.delete(before.appId);
      lists.delete(before.appId);
      tell({ before, after: undefined });
    },
    onChange: (listener) => void listeners.push(listener),
  };
}

const activeConditions: ReadonlySet<Condition> = new Set([
  'Provisioned',
  'Staging',
  'Starting',
  'Running',
  'Killing',
  'Unreachable',
]);

/** Whether the instance has a task that may be doing something. */
export function isActive(instance: Instance): boolean {
  return activeConditions.has(instance.condition);
}

/** Whether the instance's agent can't be reached. */
export function isAway(instance: Instance): boolean {
  return instance.condition === 'Unreachable' || instance.condition === 'UnreachableInactive';
}
