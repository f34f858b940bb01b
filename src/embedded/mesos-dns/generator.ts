import { isIP, isIPv4 } from 'node:net';
import type { IpSource, MesosDnsConfig } from './config.ts';
import { agentTail, hashTaskId, type Mangle, mangleDomain, rfc952, rfc1123 } from './labels.ts';
import { type Framework, type MesosState, parsePid, type Task } from './state.ts';

export type RecordType = 'A' | 'AAAA' | 'SRV';

/** Names (lower case save raw discovery names, with final dot) → values: addresses, or `target:port` for SRV. */
export type RecordMap = Map<string, Set<string>>;

export interface Records extends Record<RecordType, RecordMap> {
  frameworks: EnumeratedFramework[];
}

export interface EnumeratedFramework {
  tasks: EnumeratedTask[];
  name: string;
}

export interface EnumeratedTask {
  name: string;
  id: string;
  records: { name: string; host: string; rtype: RecordType }[];
}

export interface Surroundings {
  /** `ip:port`; the leader first when it was found through ZooKeeper. */
  masters: readonly string[];
  /** The system's answer for a name; nothing when there is none, or not yet. Not asked for addresses. */
  resolve(host: string): readonly string[];
  /** This machine's addresses but loopback ones. */
  interfaces(): readonly string[];
}

type RecordConfig = Pick<MesosDnsConfig, 'Domain' | 'Listener' | 'SOAMname' | 'IPSources' | 'EnforceRFC952'>;

interface Builder {
  records: Records;
  config: RecordConfig;
  mangle: Mangle;
  /** `.mesos.`. */
  tail: string;
  add(type: RecordType, name: string, value: string, task?: EnumeratedTask): void;
  addAddress(name: string, ip: string, task?: EnumeratedTask): void;
  addressesOf(host: string): readonly string[];
}

/**
 * The records of a cluster's state. Source: the naming pages of Mesos-DNS, and what the real one answered.
 */
export function generateRecords(state: MesosState, config: RecordConfig, surroundings: Surroundings): Records {
  const builder = createBuilder(config, surroundings);
  const agents = new Map<string, readonly string[]>();
  for (const agent of state.agents) {
    const address = parsePid(agent.pid);
    const ips = address ? oneOfEach(builder.addressesOf(address.host)) : [];
    agents.set(agent.id, ips);
    for (const ip of ips) builder.addAddress(`slave${builder.tail}`, ip);
    if (address && ips.length > 0)
      builder.add('SRV', `_slave._tcp${builder.tail}`, `slave${builder.tail}:${address.port}`);
  }
  for (const framework of state.frameworks) addFramework(builder, framework, agents);
  addListener(builder, surroundings);
  addMasters(builder, state.leader, surroundings.masters);
  return builder.records;
}

function createBuilder(config: RecordConfig, surroundings: Surroundings): Builder {
  const records: Records = { A: new Map(), AAAA: new Map(), SRV: new Map(), frameworks: [] };
  const builder: Builder = {
    records,
    config,
    mangle: config.EnforceRFC952 ? rfc952 : rfc1123,
    tail: `.${config.Domain}.`,
    add(type, name, value, task) {
      const values = records[type].get(name);
      if (values?.has(value)) return;
      if (values) values.add(value);
      else records[type].set(name, new Set([value]));
      task?.records.push({ name, host: value, rtype: type });
    },
    addAddress: (name, ip, task) => builder.add(isIPv4(ip) ? 'A' : 'AAAA', name, ip, task),
    addressesOf: (host) => (isIP(host) ? [host] : surroundings.resolve(host)),
  };
  return builder;
}

function addFramework(builder: Builder, framework: Framework, agents: ReadonlyMap<string, readonly string[]>) {
  const { tail, mangle, records } = builder;
  const label = mangleDomain(framework.name, mangle);
  // HTTP frameworks have no pid.
  const scheduler = parsePid(framework.pid) ?? { host: framework.hostname, port: '' };
  const ip = builder.addressesOf(scheduler.host).find(isIPv4);
  if (scheduler.host && ip && label) {
    builder.add('A', `${label}${tail}`, ip);
    if (scheduler.port) builder.add('SRV', `_framework._tcp.${label}${tail}`, `${label}${tail}:${scheduler.port}`);
  }
  const enumerated: EnumeratedFramework = { tasks: [], name: framework.name };
  records.frameworks.push(enumerated);
  for (const task of framework.tasks) {
    const agentIps = agents.get(task.agentId);
    if (!agentIps) continue;
    const entry: EnumeratedTask = { name: task.name, id: task.id, records: [] };
    enumerated.tasks.push(entry);
    // Discovery names count as they are, dots and all, and mangled.
    const names = task.discovery ? [task.discovery.name, mangle(task.discovery.name)] : [mangle(task.name)];
    for (const name of names) if (name) addTask(builder, { task, name, label, agentIps, entry });
  }
}

function addTask(
  builder: Builder,
  {
    task,
    name,
    label,
    agentIps,
    entry,
  }: { task: Task; name: string; label: string; agentIps: readonly string[]; entry: EnumeratedTask },
) {
  const { tail, mangle } = builder;
  const canonical = `${name}-${hashTaskId(task.id)}-${agentTail(task.agentId)}`;
  const taskTail = label ? `.${label}${tail}` : tail;
  const agentTaskTail = label ? `.${label}.slave${tail}` : `.slave${tail}`;
  for (const ip of oneOfEach(taskAddresses(task, builder.config.IPSources, agentIps))) {
    builder.addAddress(`${name}${taskTail}`, ip, entry);
    builder.addAddress(`${canonical}${taskTail}`, ip, entry);
  }
  for (const ip of agentIps) {
    builder.addAddress(`${name}${agentTaskTail}`, ip, entry);
    builder.addAddress(`${canonical}${agentTaskTail}`, ip, entry);
  }
  const onAgent = (port: string) => `${canonical}${agentTaskTail}:${port}`;
  const bothProtocols = (nameTail: string, target: string) => {
    builder.add('SRV', `_${name}._tcp${nameTail}`, target, entry);
    builder.add('SRV', `_${name}._udp${nameTail}`, target, entry);
  };
  for (const port of task.ports) bothProtocols(agentTaskTail, onAgent(port));
  if (!task.discovery) {
    for (const port of task.ports) bothProtocols(taskTail, onAgent(port));
    return;
  }
  for (const port of task.discovery.ports) {
    const target = `${canonical}${taskTail}:${port.number}`;
    const protocol = mangle(port.protocol);
    const portName = mangle(port.name);
    for (const each of protocol ? [protocol] : ['tcp', 'udp']) {
      builder.add('SRV', `_${name}._${each}${taskTail}`, target, entry);
      if (portName) builder.add('SRV', `_${portName}._${name}._${each}${taskTail}`, target, entry);
    }
  }
}

/** The addresses of the first source that has any. */
function taskAddresses(task: Task, sources: readonly IpSource[], agentIps: readonly string[]): readonly string[] {
  for (const source of sources) {
    const found = source === 'host' ? agentIps : task.addresses[source].filter((ip) => isIP(ip));
    if (found.length > 0) return found;
  }
  return [];
}

/** At most one IPv4 and one IPv6 address, the first ones. */
function oneOfEach(ips: readonly string[]): string[] {
  const v4 = ips.find((ip) => isIPv4(ip));
  const v6 = ips.find((ip) => isIP(ip) === 6);
  return [v4, v6].filter((ip) => ip !== undefined);
}

function addListener(builder: Builder, surroundings: Surroundings) {
  const { Listener, SOAMname } = builder.config;
  const everywhere = Listener === '0.0.0.0' || Listener === '::';
  for (const ip of everywhere ? surroundings.interfaces() : [Listener]) builder.addAddress(SOAMname, ip);
}

function addMasters(builder: Builder, leader: string, masters: readonly string[]) {
  const { tail } = builder;
  const leaderAt = parsePid(leader);
  if (!leaderAt) return;
  const addresses = (name: string, host: string) => {
    for (const ip of oneOfEach(builder.addressesOf(host))) builder.addAddress(name, ip);
  };
  addresses(`leader${tail}`, leaderAt.host);
  for (const protocol of ['tcp', 'udp'])
    builder.add('SRV', `_leader._${protocol}${tail}`, `leader${tail}:${leaderAt.port}`);
  const leaderAddress = joinHostPort(leaderAt.host, leaderAt.port);
  const all = [...new Set(masters)];
  if (!all.includes(leaderAddress)) all.push(leaderAddress);
  for (const [i, master] of all.entries()) {
    const host = master.slice(0, master.lastIndexOf(':')).replace(/^\[|\]$/g, '');
    addresses(`master${tail}`, host);
    addresses(`master${i}${tail}`, host);
  }
}

export function joinHostPort(host: string, port: string | number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
