import type { Workplace } from './devcluster.ts';

export interface Status {
  state: string;
  nodes: {
    name: string;
    state: string;
    services: { component: string; ready: boolean; leader: boolean; pid?: number }[];
  }[];
}

export interface AppDocument {
  id: string;
  tasksRunning: number;
  tasks: { id: string; host: string }[];
}

/** What tests look at while a cluster changes. */
export function observe(place: Workplace) {
  const status = () => place.json<Status>('status');
  return {
    status,
    /** Pids of the node hosts. */
    async hosts(): Promise<number[]> {
      const services = (await status()).nodes.flatMap((node) => node.services);
      return [...new Set(services.flatMap(({ pid }) => (pid === undefined ? [] : [pid])))];
    },
    /** The sample app with a task on each node. */
    async hello(): Promise<AppDocument | undefined> {
      return (await place.json<AppDocument[]>('apps')).find(({ id }) => id === '/samples/hello');
    },
    /** `status` until it is as expected; the test's time limit ends a wait that is in vain. */
    async statusUntil(satisfied: (found: Status) => boolean): Promise<Status> {
      for (;;) {
        const found = await status();
        if (satisfied(found)) return found;
      }
    },
  };
}
