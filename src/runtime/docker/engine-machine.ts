import { realpathSync } from 'node:fs';
import { hostname, release } from 'node:os';
import { engineSocket } from '../../plan/docker-names.ts';
import { askJson } from './client.ts';
import type { EngineEndpoint } from './endpoint.ts';

/** What clusters have to know of the machine that an engine runs on, and of its rights there. */
export interface EngineMachine {
  /** Where the engine's own socket is, as paths of bind mounts are read. */
  socketPath: string;
  /** A rootless engine publishes with its user's rights only. */
  rootless: boolean;
}

/** The parts of the engine's `GET /info` that tell. */
interface Info {
  Name?: string;
  KernelVersion?: string;
  SecurityOptions?: string[] | null;
}

/** The system's own engine isn't asked. @throws DevclusterError missing */
export async function engineMachine(endpoint: EngineEndpoint, timeoutMs: number): Promise<EngineMachine> {
  if (endpoint.kind === 'unix' && isSystems(endpoint.socketPath)) return systems;
  const info = await askJson<Info>(endpoint, '/info', timeoutMs);
  return machineOf(endpoint, info ?? {}, { hostname: hostname(), kernel: release() });
}

const systems: EngineMachine = { socketPath: engineSocket, rootless: false };

/**
 * Pure: an engine that runs under this very kernel has its socket where this machine has it. Others are in a virtual
 * machine, a container or elsewhere, and have one of their own, at the usual place.
 */
export function machineOf(
  endpoint: EngineEndpoint,
  info: Info,
  here: { hostname: string; kernel: string },
): EngineMachine {
  const rootless = (info.SecurityOptions ?? []).some((option) => option.includes('name=rootless'));
  const same = info.KernelVersion === here.kernel && (info.Name === here.hostname || rootless);
  return {
    socketPath: endpoint.kind === 'unix' && same ? resolved(endpoint.socketPath) : engineSocket,
    rootless,
  };
}

function isSystems(path: string): boolean {
  return resolved(path) === resolved(engineSocket);
}

/** The engine may not follow links as this user does. */
function resolved(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
