import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { userInfo } from 'node:os';

/** A TCP socket that listens, or a UDP socket that is bound. */
export interface Listener {
  /** Dotted IPv4; IPv6 as 32 hex digits, but `0.0.0.0` for its wildcard, which takes IPv4 as well. */
  address: string;
  port: number;
  uid: number;
  /** Number of the socket, by which its process can be found. */
  inode: string;
}

/**
 * What listens on this machine, of every user. Empty where the system has no /proc/net: binding is the test that
 * counts, this one tells what a single address can't and whom to name.
 */
export function listListeners(protocol: 'tcp' | 'udp' = 'tcp'): Listener[] {
  return [`/proc/net/${protocol}`, `/proc/net/${protocol}6`].flatMap((path) => {
    try {
      return parseListeners(readFileSync(path, 'latin1'), protocol);
    } catch {
      return [];
    }
  });
}

/** Parses /proc/net/{tcp,udp}{,6}: see proc_net_tcp(5); 0A is LISTEN, an unconnected UDP socket has 07. */
export function parseListeners(text: string, protocol: 'tcp' | 'udp'): Listener[] {
  const wanted = protocol === 'tcp' ? '0A' : '07';
  const listeners: Listener[] = [];
  for (const line of text.split('\n').slice(1)) {
    const [, local, , state, , , , uid, , inode] = line.trim().split(/\s+/);
    const [host, port] = local?.split(':') ?? [];
    if (state !== wanted || !host || !port || !inode) continue;
    listeners.push({ address: readAddress(host), port: Number.parseInt(port, 16), uid: Number(uid), inode });
  }
  return listeners;
}

/** Addresses are words in the machine's byte order, little endian wherever Node.js runs today. */
function readAddress(hex: string): string {
  const mapped = /^0{16}FFFF0000/.test(hex) ? hex.slice(24) : hex;
  if (/^0+$/.test(mapped)) return '0.0.0.0';
  if (mapped.length !== 8) return mapped;
  return [6, 4, 2, 0].map((at) => Number.parseInt(mapped.slice(at, at + 2), 16)).join('.');
}

/** Whether a listener keeps others from binding the port at that address. */
export function blocks(listener: Listener, address: string, port: number): boolean {
  return listener.port === port && (listener.address === '0.0.0.0' || listener.address === address);
}

/** For people: `nginx (process 4711)`, or the user when the process belongs to someone else. */
export function describeOwner(listener: Listener | undefined): string {
  if (!listener) return 'another program';
  const pid = ownerOf(listener.inode);
  if (pid === undefined)
    return listener.uid === userInfo().uid ? 'another program' : `a program of user ${userName(listener.uid)}`;
  return `${commandName(pid)} (process ${pid})`;
}

function ownerOf(inode: string): number | undefined {
  const target = `socket:[${inode}]`;
  for (const entry of safely(() => readdirSync('/proc')) ?? []) {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) continue;
    for (const fd of safely(() => readdirSync(`/proc/${pid}/fd`)) ?? [])
      if (safely(() => readlinkSync(`/proc/${pid}/fd/${fd}`)) === target) return pid;
  }
  return undefined;
}

function commandName(pid: number): string {
  const words = safely(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))?.split('\0') ?? [];
  // Programs such as our own hosts write a readable title in place of their arguments.
  const name = words[0] ?? '';
  return (name.includes(': ') ? name : name.slice(name.lastIndexOf('/') + 1)).trim() || 'a program';
}

function userName(uid: number): string {
  const line = safely(() => readFileSync('/etc/passwd', 'utf8'))
    ?.split('\n')
    .find((entry) => entry.split(':')[2] === String(uid));
  return line?.split(':')[0] ?? String(uid);
}

function safely<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
