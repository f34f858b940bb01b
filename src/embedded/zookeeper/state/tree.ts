/** The znodes. Nothing here checks rights or versions; `writes.ts` does. */
import type { Acl, Stat } from '../../../protocols/zookeeper/records.ts';
import { openAcl } from './acl.ts';
import { nameOf, parentOf } from './paths.ts';

export interface Znode {
  /** One character a byte; null as created without data. (A Buffer of its own would cost 500 bytes more a node.) */
  data: string | null;
  acl: readonly Acl[];
  czxid: number;
  mzxid: number;
  pzxid: number;
  ctime: number;
  mtime: number;
  version: number;
  aversion: number;
  /** Children ever created: the number of the next sequential one. */
  creations: number;
  /** The owning session, a code of `specialOwners`, or 0. */
  owner: bigint;
  /** Paths, the same strings as in the tree's map; made with the first child. */
  children: Set<string> | undefined;
}

export const noOwner = 0n;
const containerOwner = BigInt.asIntN(64, 0x8000_0000_0000_0000n);
const ttlMask = 0xff00_0000_0000_0000n;

/** How containers and TTL nodes are marked in `ephemeralOwner`. Source: EphemeralType of server 3.8. */
export const specialOwners = {
  container: containerOwner,
  ttl: (ttlMs: number) => BigInt.asIntN(64, ttlMask | BigInt(ttlMs)),
  /** Longest TTL, milliseconds: 40 bits. */
  maxTtlMs: 0xff_ffff_ffff,
};

/** @param extended whether owners whose first byte is 0xff mean a TTL (`extendedTypesEnabled`) */
export function ownerKind(owner: bigint, extended: boolean): 'none' | 'session' | 'container' | 'ttl' {
  if (owner === noOwner) return 'none';
  if (owner === containerOwner) return 'container';
  return extended && (BigInt.asUintN(64, owner) & ttlMask) === ttlMask ? 'ttl' : 'session';
}

/** The TTL in a TTL node's owner, milliseconds. */
export function ttlOf(owner: bigint): number {
  return Number(BigInt.asUintN(64, owner) & 0xff_ffff_ffffn);
}

export interface Tree {
  readonly nodes: Map<string, Znode>;
  /** Bytes of paths and data. */
  dataSize: number;
  /** Told of each node that is about to change or go, as it still is. */
  readonly observers: Set<(path: string, node: Znode) => void>;
}

const readOnlyAcl: readonly Acl[] = Object.freeze([{ perms: 1, scheme: 'world', id: 'anyone' }]);

export function emptyNode(fields: Partial<Znode> = {}): Znode {
  return {
    data: null,
    acl: openAcl,
    czxid: 0,
    mzxid: 0,
    pzxid: 0,
    ctime: 0,
    mtime: 0,
    version: 0,
    aversion: 0,
    creations: 0,
    owner: noOwner,
    children: undefined,
    ...fields,
  };
}

/** The tree of a new ensemble: `/` and `/zookeeper` with `quota` and `config`. */
export function createTree(): Tree {
  const tree: Tree = { nodes: new Map(), dataSize: '/'.length, observers: new Set() };
  tree.nodes.set('/', emptyNode({ data: '' }));
  link(tree, '/zookeeper', emptyNode({ data: '' }));
  link(tree, '/zookeeper/quota', emptyNode({ data: '' }));
  link(tree, '/zookeeper/config', emptyNode({ data: '', acl: readOnlyAcl, aversion: -1 }));
  return tree;
}

/** To be called before anything of a node is changed but the names of its children. */
export function changing(tree: Tree, path: string, node: Znode): void {
  if (tree.observers.size > 0) for (const tell of tree.observers) tell(path, node);
}

/** Adds a node under its parent, which is there. */
export function link(tree: Tree, path: string, node: Znode): void {
  const parent = tree.nodes.get(parentOf(path))!;
  parent.children ??= new Set();
  parent.children.add(path);
  tree.nodes.set(path, node);
  tree.dataSize += path.length + (node.data?.length ?? 0);
}

/** Takes a node without children away. */
export function unlink(tree: Tree, path: string): void {
  const node = tree.nodes.get(path);
  if (!node) return;
  const parent = tree.nodes.get(parentOf(path));
  if (parent?.children?.delete(path) && parent.children.size === 0) parent.children = undefined;
  tree.nodes.delete(path);
  tree.dataSize -= path.length + (node.data?.length ?? 0);
}

/** The node's Stat. Only sessions show as owners, not the marks of containers and TTL nodes. */
export function statOf(node: Znode, extended: boolean): Stat {
  const numChildren = node.children?.size ?? 0;
  return {
    czxid: BigInt(node.czxid),
    mzxid: BigInt(node.mzxid),
    ctime: node.ctime,
    mtime: node.mtime,
    version: node.version,
    // The real server counts creations, and shows deletions through the number of children.
    cversion: (node.creations * 2 - numChildren) | 0,
    aversion: node.aversion,
    ephemeralOwner: ownerKind(node.owner, extended) === 'session' ? node.owner : noOwner,
    dataLength: node.data?.length ?? 0,
    numChildren,
    pzxid: BigInt(node.pzxid),
  };
}

export function childNames(node: Znode): string[] {
  return [...(node.children ?? [])].map(nameOf);
}

export function bytesOf(node: Znode): Buffer | null {
  return node.data === null ? null : Buffer.from(node.data, 'latin1');
}
