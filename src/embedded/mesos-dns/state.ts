/** What Mesos-DNS needs of a master's `/state`, whatever else is in there. */
export interface MesosState {
  /** `master@ip:port`. */
  leader: string;
  agents: { id: string; pid: string }[];
  frameworks: Framework[];
}

export interface Framework {
  name: string;
  /** '' for HTTP schedulers. */
  pid: string;
  hostname: string;
  /** Those in TASK_RUNNING. */
  tasks: Task[];
}

export interface Task {
  id: string;
  name: string;
  agentId: string;
  /** Of its resources. */
  ports: string[];
  /** Undefined when it has none, or one without a name, which counts as none. */
  discovery: Discovery | undefined;
  /** What each source of addresses says, by its latest TASK_RUNNING status. */
  addresses: Record<'netinfo' | 'mesos' | 'docker', string[]>;
}

export interface Discovery {
  name: string;
  ports: { number: number; name: string; protocol: string }[];
}

/** Parses the body of `/state`. @returns undefined when it is no state, or that of a master which knows no leader */
export function parseState(body: string): MesosState | undefined {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return undefined;
  }
  const state = object(json);
  const leader = text(state.leader);
  if (!parsePid(leader)) return undefined;
  return {
    leader,
    agents: list(state.slaves).map((agent) => ({ id: text(agent.id), pid: text(agent.pid) })),
    frameworks: list(state.frameworks).map((framework) => ({
      name: text(framework.name),
      pid: text(framework.pid),
      hostname: text(framework.hostname),
      tasks: list(framework.tasks)
        .filter((task) => task.state === 'TASK_RUNNING')
        .map(toTask),
    })),
  };
}

type Json = Record<string, unknown>;

function toTask(task: Json): Task {
  const discovery = object(task.discovery);
  const name = text(discovery.name);
  const status = latestRunning(list(task.statuses));
  // The state has them as a list; the API's messages as an object with a list.
  const labels = [...list(status.labels), ...list(object(status.labels).labels)];
  const labelled = (key: string) => labels.filter((label) => label.key === key).map((label) => text(label.value));
  return {
    id: text(task.id),
    name: text(task.name),
    agentId: text(task.slave_id),
    ports: parsePorts(text(object(task.resources).ports)),
    discovery: name
      ? {
          name,
          ports: list(object(discovery.ports).ports).map((port) => ({
            number: Number.isInteger(port.number) ? (port.number as number) : 0,
            name: text(port.name),
            protocol: text(port.protocol),
          })),
        }
      : undefined,
    addresses: {
      netinfo: list(object(status.container_status).network_infos).flatMap((network) =>
        list(network.ip_addresses).map((address) => text(address.ip_address)),
      ),
      mesos: labelled('MesosContainerizer.NetworkSettings.IPAddress'),
      docker: labelled('Docker.NetworkSettings.IPAddress'),
    },
  };
}

function latestRunning(statuses: readonly Json[]): Json {
  let latest: { status: Json; at: number } | undefined;
  for (const status of statuses) {
    const at = typeof status.timestamp === 'number' ? status.timestamp : 0;
    if (status.state === 'TASK_RUNNING' && at >= (latest?.at ?? 0)) latest = { status, at };
  }
  return latest?.status ?? {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function object(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function list(value: unknown): Json[] {
  return Array.isArray(value) ? value.map(object) : [];
}

/** `slave(1)@10.0.0.1:5051` → host and port. */
export function parsePid(pid: string): { host: string; port: string } | undefined {
  const match = /@(\[[^\]]+\]|[^:@]+):(\d+)$/.exec(pid);
  return match ? { host: match[1]!.replace(/^\[|\]$/g, ''), port: match[2]! } : undefined;
}

// A task has a handful of ports; a wild range must not become millions of records.
const maxPorts = 1024;

/** `[31000-31001, 31005-31005]` → each port. */
function parsePorts(ranges: string): string[] {
  const ports: string[] = [];
  for (const [, low, high] of ranges.matchAll(/(\d+)-(\d+)/g))
    for (let port = Number(low); port <= Number(high) && ports.length < maxPorts; port++) ports.push(String(port));
  return ports;
}
