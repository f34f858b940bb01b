import type { Labels, NetworkInfo } from '../../protocols/mesos/types.ts';

/** What Mesos-DNS reads of a master's `/state`; everything may be missing or odd. */
export interface MesosState {
  /** `master@ip:port`. */
  leader: string;
  slaves: StateAgent[];
  frameworks: StateFramework[];
}

export interface StateAgent {
  id: string;
  /** `slave(1)@ip:port`. */
  pid: string;
}

export interface StateFramework {
  name: string;
  pid?: string;
  hostname?: string;
  tasks: StateTask[];
}

export interface StateTask {
  id: string;
  name: string;
  slave_id: string;
  state: string;
  statuses?: StateStatus[];
  resources?: { ports?: string };
  discovery?: { name?: string; ports?: { ports?: { number?: number; name?: string; protocol?: string }[] } };
}

export interface StateStatus {
  state?: string;
  timestamp?: number;
  labels?: Labels['labels'] | Labels;
  container_status?: { network_infos?: NetworkInfo[] };
}

/** Parses the body of `/state`. @returns undefined when it is no state, or that of a master which knows no leader */
export function parseState(body: string): MesosState | undefined {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return undefined;
  }
  const state = json as Partial<MesosState> | null;
  if (!state || typeof state !== 'object' || typeof state.leader !== 'string' || !parsePid(state.leader))
    return undefined;
  return {
    leader: state.leader,
    slaves: objects(state.slaves).filter((agent) => typeof agent.id === 'string'),
    frameworks: objects(state.frameworks)
      .filter((framework) => typeof framework.name === 'string')
      .map((framework) => ({
        ...framework,
        tasks: objects(framework.tasks).filter((task) =>
          [task.id, task.name, task.slave_id].every((text) => typeof text === 'string'),
        ),
      })),
  };
}

function objects<T extends object>(list: T[] | undefined): T[] {
  return Array.isArray(list) ? list.filter((item) => typeof item === 'object' && item !== null) : [];
}

/** `slave(1)@10.0.0.1:5051` → host and port. */
export function parsePid(pid: unknown): { host: string; port: string } | undefined {
  const match = typeof pid === 'string' ? /@(\[[^\]]+\]|[^:@]+):(\d+)$/.exec(pid) : null;
  return match ? { host: match[1]!.replace(/^\[|\]$/g, ''), port: match[2]! } : undefined;
}

// A task has a handful of ports; a wild range must not become millions of records.
const maxPorts = 1024;

/** `[31000-31001, 31005-31005]` → each port. */
export function parsePorts(text: string | undefined): string[] {
  const ports: string[] = [];
  for (const [, low, high] of (text ?? '').matchAll(/(\d+)-(\d+)/g))
    for (let port = Number(low); port <= Number(high) && ports.length < maxPorts; port++) ports.push(String(port));
  return ports;
}
