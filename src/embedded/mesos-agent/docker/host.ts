import type { Clock } from '../../../support/clock.ts';
import type { Logger } from '../../../support/logger.ts';
import type { Network } from '../../../support/network.ts';
import type { ContainerDns } from './dns.ts';
import type { ContainerInspect, Engine } from './engine.ts';
import type { Placement } from './placement.ts';
import type { ContainerWatch } from './watch.ts';

/** What running tasks as containers needs, once for an agent. */
export interface DockerHost {
  engine: Engine;
  watch: ContainerWatch;
  clock: Clock;
  network: Network;
  log: Logger;
  placement: Placement;
  /** The agent's own address, and with it its node's. */
  ip: string;
  /** Known once the agent has registered. */
  agentId: () => string;
  limitCpus: boolean;
  dns: readonly ContainerDns[];
  mappedSandbox: string;
  /** Between the stop signal and SIGKILL when neither the task nor the kill says otherwise. */
  graceMs: number;
  /** How long a launch waits for an engine that is away. */
  launchTimeoutMs: number;
  /** Labels of all of this agent's containers, by which they are found. */
  ownLabels: Readonly<Record<string, string>>;
  nameOf(containerId: string): string;
  /** Brings the image here unless it is. @throws Error fit for a task's message */
  fetchImage(image: string, force: boolean, sandbox: string, signal: AbortSignal): Promise<void>;
  /** An ended container is to be removed when its time has come. */
  retire(container: ContainerInspect): void;
  /** Removes a container at once, or as soon as the engine is back. */
  discard(container: string): void;
}
