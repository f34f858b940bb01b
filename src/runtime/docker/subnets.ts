import { createHash } from 'node:crypto';

/** Pure: which subnets a cluster's network tries, and who has which address in it. */
export interface Subnet {
  /** The first address, as a number. */
  base: number;
  /** Bits of the network. */
  bits: number;
}

const attempts = 24;

/**
 * `10.x.y.0/24` for a cluster: the same for the same name. From 10.210 up, where neither Docker's own choices
 * (172.17 to 172.31, 192.168) nor most private networks are.
 */
export function candidateSubnets(cluster: string): Subnet[] {
  return Array.from({ length: attempts }, (_, attempt) => {
    const hash = createHash('sha256').update(`network/${cluster}/${attempt}`).digest();
    const [x, y] = [210 + (hash.readUInt16BE(0) % 40), hash.readUInt16BE(2) % 256];
    return { base: toNumber(`10.${x}.${y}.0`)!, bits: 24 };
  });
}

/** `10.1.2.0/24`; undefined when it is none, or when bits of an address are set. */
export function parseSubnet(text: string): Subnet | undefined {
  const match = /^(\d+\.\d+\.\d+\.\d+)\/(\d+)$/.exec(text.trim());
  const address = toNumber(match?.[1] ?? '');
  const bits = Number(match?.[2]);
  if (address === undefined || bits < 1 || bits > 30) return undefined;
  return address % sizeOf(bits) === 0 ? { base: address, bits } : undefined;
}

export function formatSubnet({ base, bits }: Subnet): string {
  return `${toText(base)}/${bits}`;
}

export function overlap(a: Subnet, b: Subnet): boolean {
  return a.base < b.base + sizeOf(b.bits) && b.base < a.base + sizeOf(a.bits);
}

/** The gateway has the first address. */
export function gatewayOf({ base }: Subnet): string {
  return toText(base + 1);
}

/**
 * Where containers without an address of their own get theirs: the upper half, so that none takes a node's while that
 * node is away. Undefined where there are too few addresses to share them.
 */
export function poolOf({ base, bits }: Subnet): Subnet | undefined {
  return bits >= 27 ? undefined : { base: base + sizeOf(bits) / 2, bits: bits + 1 };
}

/** The address of the n-th node, counted from 1; they begin at .11 where there is room. Undefined when there is none. */
export function addressOf(subnet: Subnet, n: number): string | undefined {
  const first = subnet.bits <= 27 ? 10 : 1;
  const most = poolOf(subnet) ? sizeOf(subnet.bits) / 2 : sizeOf(subnet.bits) - 1;
  return first + n < most ? toText(subnet.base + first + n) : undefined;
}

/** The subnets that this system has routes to: Linux's /proc/net/route, with addresses in hexadecimal, little endian. */
export function parseRoutes(text: string): Subnet[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, destination, , , , , , mask] = line.trim().split(/\s+/);
      if (!destination || !mask || destination === '00000000') return [];
      return [{ base: littleEndian(destination), bits: bitsOf(littleEndian(mask)) }];
    });
}

function littleEndian(hex: string): number {
  return Buffer.from(hex, 'hex').readUInt32LE(0);
}

function bitsOf(mask: number): number {
  let bits = 0;
  for (let rest = mask >>> 0; rest & 0x80000000; rest = (rest << 1) >>> 0) bits++;
  return bits;
}

function sizeOf(bits: number): number {
  return 2 ** (32 - bits);
}

function toNumber(text: string): number | undefined {
  const parts = text.split('.').map(Number);
  if (parts.length !== 4 || parts.some((part) => !Number.isInteger(part) || part < 0 || part > 255)) return undefined;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

function toText(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}
