import type { Cluster } from './core/model.ts';

/** What outlives a leader: which agents are admitted, unreachable or gone; never tasks or frameworks. */
export interface Registry {
  /** Enters what is known into a cluster that has just begun. */
  restore(cluster: Cluster): void;
  /** Notes the cluster's agents for the next leader, in the background. */
  save(cluster: Cluster): void;
}

/** --registry=in_memory: a new leader knows nothing. */
export const memoryRegistry: Registry = { restore() {}, save() {} };
