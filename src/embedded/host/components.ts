import type { Component } from '../../protocols/versions.ts';
import type { StartService } from '../service.ts';

/** How to load each component's code; a node evaluates only that of the services it carries. */
export type LoadComponent = Readonly<Record<Component, () => Promise<StartService>>>;

export const loadComponent: LoadComponent = {
  zookeeper: async () => (await import('../zookeeper/index.ts')).start,
  'mesos-master': async () => (await import('../mesos-master/index.ts')).start,
  'mesos-agent': async () => (await import('../mesos-agent/index.ts')).start,
  marathon: async () => (await import('../marathon/index.ts')).start,
  'mesos-dns': async () => (await import('../mesos-dns/index.ts')).start,
};
