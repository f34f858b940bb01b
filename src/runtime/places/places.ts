import { createHash } from 'node:crypto';
import type { PortName, PortRange } from '../../plan/types.ts';

/**
 * The pure part of finding places: which addresses, blocks of ports and task ports a cluster tries, in which order.
 *
 * One map of the ports holds for the whole machine. Below 10000: the standard ports. 10000 to 19999: standard ports
 * that had to move, and blocks of ports where nodes share an address. From 20000 to below the system's ephemeral
 * ports: tasks.
 */

/** Attempts at finding a free subnet, each as likely as the other to be free. */
export const subnetAttempts = 16;

/**
 * `127.x.y` for a cluster: the same for the same name, so that addresses can be remembered. Never below 127.0.2.0,
 * where the system's own services live, nor in 127.255.
 */
export function subnetOf(cluster: string, attempt: number): string {
  const hash = createHash('sha256').update(`${cluster}/${attempt}`).digest();
  return `127.${1 + (hash.readUInt16BE(0) % 254)}.${hash.readUInt16BE(2) % 255}`;
}

/** The address of the n-th node, counted from 1. */
export function nodeAddress(subnet: string, n: number): string {
  return `${subnet}.${n}`;
}

/** By how much a port moves when it is taken; the same on every node. Everything stays below the tasks' ports. */
export const portShifts: readonly number[] = Array.from({ length: 19 }, (_, i) => 10_000 + i * 100);

export const blockSize = 100;
const firstBlock = 11_000;
const lastBlock = 19_900;

/** Within a block a port keeps its last two digits, but for the one that would meet another: 8080 is 11380 in 11300. */
const placeInBlock: Readonly<Record<PortName, number>> = {
  zookeeper: 81,
  'zookeeper-peer': 88,
  'zookeeper-election': 38,
  'mesos-master': 50,
  'mesos-agent': 51,
  marathon: 80,
  dns: 53,
  'mesos-dns-http': 23,
};

export function portInBlock(block: number, name: PortName): number {
  return block + placeInBlock[name];
}

/** Every block once, from a place that depends on the cluster's name. */
export function blocksOf(cluster: string): number[] {
  const count = (lastBlock - firstBlock) / blockSize + 1;
  const start = createHash('sha256').update(cluster).digest().readUInt16BE(0) % count;
  return Array.from({ length: count }, (_, i) => firstBlock + ((start + i) % count) * blockSize);
}

/** Where tasks' ports may be, best first, for a system whose ephemeral ports are these. */
export function taskPortSpaces(ephemeral: PortRange): PortRange[] {
  const below: PortRange = { begin: 20_000, end: Math.min(32_767, ephemeral.begin - 1) };
  const above: PortRange = { begin: ephemeral.end + 1, end: 65_535 };
  // Last resort: an outgoing connection may take such a port for a while, and the task that gets it fails and is retried.
  const within: PortRange = { begin: Math.max(20_000, ephemeral.begin), end: ephemeral.end };
  return [below, above, within].filter((space) => space.begin <= space.end);
}

/**
 * The first `count` ports in a row that are not taken.
 * @param taken in any order, overlapping or not
 */
export function findPortRange(count: number, spaces: readonly PortRange[], taken: readonly PortRange[]) {
  const sorted = [...taken].sort((a, b) => a.begin - b.begin);
  for (const space of spaces) {
    let begin = space.begin;
    for (const range of sorted) {
      if (range.end < begin) continue;
      if (range.begin >= begin + count) break;
      begin = range.end + 1;
    }
    if (begin + count - 1 <= space.end) return { begin, end: begin + count - 1 };
  }
  return undefined;
}

export const overlaps = (a: PortRange, b: PortRange): boolean => a.begin <= b.end && b.begin <= a.end;

/** The ports of a node that carries the control services, or of one that has only an agent and Mesos-DNS. */
export function portNamesOf(control: boolean): PortName[] {
  const all: PortName[] = ['mesos-agent', 'dns', 'mesos-dns-http'];
  return control ? ['zookeeper', 'zookeeper-peer', 'zookeeper-election', 'mesos-master', 'marathon', ...all] : all;
}
