/** The requests that a server answers from its own copy of the state. */
import { addWatchModes, errorCodes, perms, watcherTypes } from '../../../protocols/zookeeper/constants.ts';
import type { MultiResult, OperationName, ReplyOf, Request } from '../../../protocols/zookeeper/records.ts';
import { type Identity, maskedAcl, permits } from '../state/acl.ts';
import type { State } from '../state/machine.ts';
import { Refusal } from '../state/refusal.ts';
import { bytesOf, childNames, statOf, type Znode } from '../state/tree.ts';
import type { Watches } from './watches.ts';

export interface ReadContext<C> {
  state: State;
  watches: Watches<C>;
  connection: C;
  sessionId: bigint;
  identities: readonly Identity[];
  extendedTypes: boolean;
  skipAcl: boolean;
}

/** A reply's operation and body. */
export type Answer = { [N in OperationName]: { op: N; reply: ReplyOf<N> } }[OperationName];

/** @throws Refusal; undefined for a request that is no read */
export function read<C>(context: ReadContext<C>, request: Request): Answer | undefined {
  const { state, watches, connection } = context;
  switch (request.op) {
    case 'ping':
      return { op: 'ping', reply: {} };
    case 'exists': {
      if (request.path.includes('\0')) throw new Refusal(errorCodes.badArguments);
      // Also where there is no node: the watch tells of its creation.
      if (request.watch) watches.add('data', request.path, connection);
      return { op: 'exists', reply: { stat: stat(context, find(context, request.path)) } };
    }
    case 'getData': {
      const node = readable(context, request.path);
      if (request.watch) watches.add('data', request.path, connection);
      return { op: 'getData', reply: { data: bytesOf(node), stat: stat(context, node) } };
    }
    case 'getChildren': {
      const node = readable(context, request.path);
      if (request.watch) watches.add('child', request.path, connection);
      return { op: 'getChildren', reply: { children: childNames(node) } };
    }
    case 'getChildren2': {
      const node = readable(context, request.path);
      if (request.watch) watches.add('child', request.path, connection);
      return { op: 'getChildren2', reply: { children: childNames(node), stat: stat(context, node) } };
    }
    case 'getACL': {
      const node = find(context, request.path);
      if (!allowed(context, node, perms.read | perms.admin)) throw new Refusal(errorCodes.noAuth);
      const acl = allowed(context, node, perms.admin) ? [...node.acl] : maskedAcl(node.acl);
      return { op: 'getACL', reply: { acl, stat: stat(context, node) } };
    }
    case 'getEphemerals': {
      const paths = [...(state.sessions.get(context.sessionId)?.ephemerals ?? [])];
      const prefix = request.prefixPath === '/' ? '' : request.prefixPath;
      return { op: 'getEphemerals', reply: { ephemerals: paths.filter((path) => path.startsWith(prefix)) } };
    }
    case 'getAllChildrenNumber': {
      readable(context, request.path);
      return { op: 'getAllChildrenNumber', reply: { totalNumber: countBelow(state, request.path) } };
    }
    case 'whoAmI': {
      const clientInfo = context.identities.map(({ scheme, id }) => ({
        authScheme: scheme,
        user: scheme === 'digest' ? id.split(':', 1)[0]! : id,
      }));
      return { op: 'whoAmI', reply: { clientInfo } };
    }
    case 'multiRead':
      return { op: 'multiRead', reply: { results: request.ops.map((op) => readOne(context, op)) } };
    case 'setWatches':
    case 'setWatches2':
      watches.restore(request, state.tree, connection);
      return { op: request.op, reply: {} };
    case 'addWatch': {
      if (request.mode === addWatchModes.persistent) watches.add('persistent', request.path, connection);
      else if (request.mode === addWatchModes.persistentRecursive) watches.add('recursive', request.path, connection);
      else throw new Refusal(errorCodes.marshallingError);
      return { op: 'addWatch', reply: { err: 0 } };
    }
    case 'checkWatches':
    case 'removeWatches': {
      if (!Object.values(watcherTypes).some((type) => type === request.type))
        throw new Refusal(errorCodes.marshallingError);
      if (!watches.has(request.type, request.path, connection)) throw new Refusal(errorCodes.noWatcher);
      if (request.op === 'removeWatches') watches.remove(request.type, request.path, connection);
      return { op: request.op, reply: {} };
    }
    default:
      return undefined;
  }
}

function readOne<C>(context: ReadContext<C>, op: { op: 'getData' | 'getChildren'; path: string }): MultiResult {
  try {
    const node = readable(context, op.path);
    return op.op === 'getData'
      ? { op: 'getData', data: bytesOf(node), stat: stat(context, node) }
      : { op: 'getChildren', children: childNames(node) };
  } catch (refusal) {
    if (refusal instanceof Refusal) return { op: 'error', err: refusal.code };
    throw refusal;
  }
}

function stat<C>(context: ReadContext<C>, node: Znode) {
  return statOf(node, context.extendedTypes);
}

/** The real server takes the empty path for the root here. */
function find<C>(context: ReadContext<C>, path: string): Znode {
  const node = context.state.tree.nodes.get(path === '' ? '/' : path);
  if (!node) throw new Refusal(errorCodes.noNode);
  return node;
}

function readable<C>(context: ReadContext<C>, path: string): Znode {
  const node = find(context, path);
  if (!allowed(context, node, perms.read)) throw new Refusal(errorCodes.noAuth);
  return node;
}

function allowed<C>(context: ReadContext<C>, node: Znode, permission: number): boolean {
  return context.skipAcl || permits(node.acl, permission, context.identities);
}

function countBelow(state: State, path: string): number {
  if (path === '/' || path === '') return state.tree.nodes.size - 1;
  const prefix = `${path}/`;
  let count = 0;
  for (const other of state.tree.nodes.keys()) if (other.startsWith(prefix)) count++;
  return count;
}
