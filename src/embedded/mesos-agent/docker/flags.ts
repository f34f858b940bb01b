import type { ContainerDns } from './dns.ts';

/** What the agent's flags say about Docker. Durations are milliseconds. */
export interface DockerFlags {
  /** Path of the engine's unix socket. */
  socket: string;
  /** JSON of credentials for registries, or the path of a file with it. */
  config: string | undefined;
  removeDelayMs: number;
  stopTimeoutMs: number;
  killOrphans: boolean;
  limitCpus: boolean;
  dns: readonly ContainerDns[];
  /** Where containers see their sandbox. */
  mappedSandbox: string;
  /** Between the stop signal and SIGKILL when nobody says otherwise. */
  graceMs: number;
  /** How long a launch waits for an engine that is away. */
  launchTimeoutMs: number;
}
