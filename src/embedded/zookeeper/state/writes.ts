/**
 * What create, delete, setData, setACL and check do to the tree, with the checks in the order in which server 3.8 makes
 * them (PrepRequestProcessor), since the order decides which error a client sees.
 */
import { anyVersion, createFlags, errorCodes, perms } from '../../../protocols/zookeeper/constants.ts';
import type { Acl, MultiOp, MultiResult } from '../../../protocols/zookeeper/records.ts';
import { type Identity, permits, storedAcl } from './acl.ts';
import { isValidPath, parentOf, systemPaths } from './paths.ts';
import { Refusal } from './refusal.ts';
import {
  changing,
  emptyNode,
  link,
  noOwner,
  ownerKind,
  specialOwners,
  statOf,
  type Tree,
  unlink,
  type Znode,
} from './tree.ts';

/** What watches are about. A created or deleted node changes its parent's children too. */
export interface Change {
  type: 'created' | 'deleted' | 'dataChanged';
  path: string;
}

export interface WriteContext {
  tree: Tree;
  zxid: number;
  time: number;
  sessionId: bigint;
  identities: readonly Identity[];
  extendedTypes: boolean;
  skipAcl: boolean;
  changes: Change[];
  /** Steps that take back what was done, to be run from the last to the first. */
  undo: (() => void)[];
  /** The set of the session's ephemeral nodes. */
  ephemerals: (owner: bigint) => Set<string> | undefined;
  intern: (acl: readonly Acl[]) => readonly Acl[];
}

export type WriteOp = MultiOp | { op: 'setACL'; path: string; acl: Acl[]; version: number };

/** @throws Refusal when it can't be done; nothing was changed then */
export function applyWrite(context: WriteContext, op: WriteOp): MultiResult {
  switch (op.op) {
    case 'create':
    case 'create2':
    case 'createContainer':
    case 'createTTL':
      return create(context, op);
    case 'delete':
      return remove(context, op.path, op.version);
    case 'setData':
      return setData(context, op.path, op.data, op.version);
    case 'setACL':
      return setAcl(context, op.path, op.acl, op.version);
    case 'check': {
      const node = nodeOf(context, op.path);
      authorize(context, node, perms.read);
      checkVersion(node.version, op.version);
      return { op: 'check' };
    }
  }
}

const knownFlags: ReadonlySet<number> = new Set(Object.values(createFlags));

type CreateOp = Extract<WriteOp, { op: 'create' | 'create2' | 'createContainer' | 'createTTL' }>;

function create(context: WriteContext, op: CreateOp): MultiResult {
  const { tree, zxid, time } = context;
  const { flags } = op;
  if (!knownFlags.has(flags)) throw new Refusal(errorCodes.badArguments);
  const ttlMode = flags === createFlags.persistentTTL || flags === createFlags.persistentSequentialTTL;
  const ttl = op.op === 'createTTL' ? op.ttl : -1;
  if (ttlMode && !context.extendedTypes) throw new Refusal(errorCodes.unimplemented);
  if (ttlMode ? ttl <= 0 || ttl > specialOwners.maxTtlMs : ttl >= 0) throw new Refusal(errorCodes.badArguments);
  const ephemeral = flags === createFlags.ephemeral || flags === createFlags.ephemeralSequential;
  const sequential =
    flags === createFlags.persistentSequential ||
    flags === createFlags.ephemeralSequential ||
    flags === createFlags.persistentSequentialTTL;

  const parentPath = parentForChange(op.path);
  const acl = storedAcl(op.acl, context.identities);
  const parent = existing(tree, parentPath);
  authorize(context, parent, perms.create);
  const path = sequential ? `${op.path}${sequenceSuffix(parent.creations)}` : op.path;
  if (!isValidPath(path)) throw new Refusal(errorCodes.badArguments);
  if (tree.nodes.has(path)) throw new Refusal(errorCodes.nodeExists);
  if (ownerKind(parent.owner, context.extendedTypes) === 'session')
    throw new Refusal(errorCodes.noChildrenForEphemerals);

  const owner =
    op.op === 'createContainer'
      ? specialOwners.container
      : ttlMode
        ? specialOwners.ttl(ttl)
        : ephemeral
          ? context.sessionId
          : noOwner;
  const node = emptyNode({
    data: op.data === null ? null : op.data.toString('latin1'),
    acl: context.intern(acl),
    czxid: zxid,
    mzxid: zxid,
    pzxid: zxid,
    ctime: time,
    mtime: time,
    owner,
  });
  const before = { creations: parent.creations, pzxid: parent.pzxid };
  changing(tree, parentPath || '/', parent);
  link(tree, path, node);
  parent.creations++;
  parent.pzxid = zxid;
  if (ephemeral) context.ephemerals(owner)?.add(path);
  context.changes.push({ type: 'created', path });
  context.undo.push(() => {
    unlink(tree, path);
    Object.assign(parent, before);
    if (ephemeral) context.ephemerals(owner)?.delete(path);
  });
  return op.op === 'create' ? { op: 'create', path } : { op: op.op, path, stat: statOf(node, context.extendedTypes) };
}

function remove(context: WriteContext, path: string, version: number): MultiResult {
  const parentPath = parentForChange(path);
  if (systemPaths.has(path)) throw new Refusal(errorCodes.badArguments);
  const parent = existing(context.tree, parentPath);
  authorize(context, parent, perms.delete);
  const node = existing(context.tree, path);
  checkVersion(node.version, version);
  if (node.children) throw new Refusal(errorCodes.notEmpty);
  removeNode(context, path, node);
  return { op: 'delete' };
}

/** Takes a node without children away, whoever asks. */
export function removeNode(
  context: Pick<WriteContext, 'tree' | 'zxid' | 'changes' | 'undo' | 'ephemerals' | 'extendedTypes'>,
  path: string,
  node: Znode,
): void {
  const { tree } = context;
  const parentPath = parentOf(path);
  const parent = tree.nodes.get(parentPath)!;
  const before = parent.pzxid;
  changing(tree, path, node);
  changing(tree, parentPath, parent);
  unlink(tree, path);
  parent.pzxid = context.zxid;
  const owned = ownerKind(node.owner, context.extendedTypes) === 'session';
  if (owned) context.ephemerals(node.owner)?.delete(path);
  context.changes.push({ type: 'deleted', path });
  context.undo.push(() => {
    link(tree, path, node);
    parent.pzxid = before;
    if (owned) context.ephemerals(node.owner)?.add(path);
  });
}

function setData(context: WriteContext, path: string, data: Buffer | null, version: number): MultiResult {
  const node = nodeOf(context, path);
  authorize(context, node, perms.write);
  checkVersion(node.version, version);
  const { tree } = context;
  const before = { data: node.data, version: node.version, mzxid: node.mzxid, mtime: node.mtime };
  const size = tree.dataSize;
  const text = data === null ? null : data.toString('latin1');
  changing(tree, path, node);
  tree.dataSize += (text?.length ?? 0) - (node.data?.length ?? 0);
  node.data = text;
  node.version = (node.version + 1) | 0;
  node.mzxid = context.zxid;
  node.mtime = context.time;
  context.changes.push({ type: 'dataChanged', path });
  context.undo.push(() => {
    Object.assign(node, before);
    tree.dataSize = size;
  });
  return { op: 'setData', stat: statOf(node, context.extendedTypes) };
}

/** In the shape of setData's result: both answer a Stat. Never part of a multi. */
function setAcl(context: WriteContext, path: string, acl: Acl[], version: number): MultiResult {
  if (!isValidPath(path)) throw new Refusal(errorCodes.badArguments);
  const stored = storedAcl(acl, context.identities);
  const node = existing(context.tree, path);
  authorize(context, node, perms.admin);
  checkVersion(node.aversion, version);
  changing(context.tree, path, node);
  node.acl = context.intern(stored);
  node.aversion = (node.aversion + 1) | 0;
  return { op: 'setData', stat: statOf(node, context.extendedTypes) };
}

function nodeOf(context: WriteContext, path: string): Znode {
  if (!isValidPath(path)) throw new Refusal(errorCodes.badArguments);
  return existing(context.tree, path);
}

function existing(tree: Tree, path: string): Znode {
  const node = tree.nodes.get(path === '' ? '/' : path);
  if (!node) throw new Refusal(errorCodes.noNode);
  return node;
}

/** The part before the last slash: '' (the root) for `/a`. Its other flaws show when it is looked up. */
function parentForChange(path: string): string {
  const slash = path.lastIndexOf('/');
  if (slash < 0 || path.includes('\0')) throw new Refusal(errorCodes.badArguments);
  return path.slice(0, slash);
}

function authorize(context: WriteContext, node: Znode, permission: number): void {
  if (!context.skipAcl && !permits(node.acl, permission, context.identities)) throw new Refusal(errorCodes.noAuth);
}

function checkVersion(current: number, expected: number): void {
  if (expected !== anyVersion && expected !== current) throw new Refusal(errorCodes.badVersion);
}

/** Ten digits; a counter past 2^31 - 1 goes on with negative numbers, as in Java. */
function sequenceSuffix(counter: number): string {
  const number = counter | 0;
  return number < 0 ? `-${String(-number).padStart(9, '0')}` : String(number).padStart(10, '0');
}
