/**
 * Who wants to know of what. Watches belong to a connection of this server and go with it; clients set theirs again
 * (setWatches) after they connected anew.
 */
import { eventTypes, watcherTypes } from '../../../protocols/zookeeper/constants.ts';
import type { SetWatches, SetWatches2 } from '../../../protocols/zookeeper/records.ts';
import { parentOf } from '../state/paths.ts';
import type { Tree } from '../state/tree.ts';
import type { Change } from '../state/writes.ts';

export type WatchKind = 'data' | 'child' | 'persistent' | 'recursive';

const kinds: readonly WatchKind[] = ['data', 'child', 'persistent', 'recursive'];

/** @typeParam C a connection */
export interface Watches<C> {
  add(kind: WatchKind, path: string, connection: C): void;
  /** Whether the connection has a watch that `checkWatches` and `removeWatches` mean by this type. */
  has(type: number, path: string, connection: C): boolean;
  remove(type: number, path: string, connection: C): void;
  removeAll(connection: C): void;
  /** Fires what a change of the tree concerns; one-shot watches are gone then. */
  trigger(change: Change): void;
  /** Re-arms a client's watches, or fires them at once for what changed after `relativeZxid`. */
  restore(request: SetWatches | SetWatches2, tree: Tree, connection: C): void;
  /** Everything, for the admin commands. */
  readonly byConnection: ReadonlyMap<C, ReadonlyMap<WatchKind, ReadonlySet<string>>>;
  readonly size: number;
  readonly paths: number;
}

/** @param notify sends an event; `type` is one of `eventTypes` */
export function createWatches<C>(notify: (connection: C, type: number, path: string) => void): Watches<C> {
  const tables: Record<WatchKind, Map<string, Set<C>>> = {
    data: new Map(),
    child: new Map(),
    persistent: new Map(),
    recursive: new Map(),
  };
  const owners = new Map<C, Map<WatchKind, Set<string>>>();
  let size = 0;

  const add = (kind: WatchKind, path: string, connection: C) => {
    let watchers = tables[kind].get(path);
    if (!watchers) tables[kind].set(path, (watchers = new Set()));
    if (watchers.has(connection)) return;
    watchers.add(connection);
    let owned = owners.get(connection);
    if (!owned) owners.set(connection, (owned = new Map()));
    let paths = owned.get(kind);
    if (!paths) owned.set(kind, (paths = new Set()));
    paths.add(path);
    size++;
  };

  const removeOne = (kind: WatchKind, path: string, connection: C) => {
    const watchers = tables[kind].get(path);
    if (!watchers?.delete(connection)) return;
    if (watchers.size === 0) tables[kind].delete(path);
    const owned = owners.get(connection);
    const paths = owned?.get(kind);
    paths?.delete(path);
    if (paths?.size === 0) owned?.delete(kind);
    if (owned?.size === 0) owners.delete(connection);
    size--;
  };

  const owns = (kind: WatchKind, path: string, connection: C) => owners.get(connection)?.get(kind)?.has(path) ?? false;

  /** Takes the one-shot watches of a kind on a path. */
  const collect = (into: Set<C>, kind: WatchKind, path: string) => {
    const watchers = tables[kind].get(path);
    if (!watchers) return;
    for (const connection of [...watchers]) {
      into.add(connection);
      if (kind === 'data' || kind === 'child') removeOne(kind, path, connection);
    }
  };

  const collectRecursive = (into: Set<C>, path: string) => {
    if (tables.recursive.size === 0) return;
    for (let at = path; ; at = parentOf(at)) {
      collect(into, 'recursive', at);
      if (at === '/') return;
    }
  };

  const send = (watchers: Set<C>, type: number, path: string) => {
    for (const connection of watchers) notify(connection, type, path);
  };

  /** Persistent watches count as data and as child watches; only `any` takes them away. */
  const kindsOf = (type: number): readonly WatchKind[] => {
    if (type === watcherTypes.children) return ['child', 'persistent'];
    if (type === watcherTypes.data) return ['data', 'persistent', 'recursive'];
    return kinds;
  };

  return {
    add,
    has: (type, path, connection) => kindsOf(type).some((kind) => owns(kind, path, connection)),
    remove(type, path, connection) {
      for (const kind of kindsOf(type)) removeOne(kind, path, connection);
    },
    removeAll(connection) {
      const owned = owners.get(connection);
      if (!owned) return;
      for (const [kind, paths] of [...owned]) for (const path of [...paths]) removeOne(kind, path, connection);
    },
    trigger({ type, path }) {
      if (size === 0) return;
      const watchers = new Set<C>();
      collect(watchers, 'data', path);
      if (type === 'deleted') collect(watchers, 'child', path);
      collect(watchers, 'persistent', path);
      collectRecursive(watchers, path);
      if (type === 'dataChanged') return send(watchers, eventTypes.dataChanged, path);
      send(watchers, type === 'created' ? eventTypes.created : eventTypes.deleted, path);
      const parents = new Set<C>();
      const parent = parentOf(path);
      collect(parents, 'child', parent);
      collect(parents, 'persistent', parent);
      send(parents, eventTypes.childrenChanged, parent);
    },
    restore(request, tree, connection) {
      const since = Number(request.relativeZxid);
      for (const path of request.dataWatches) {
        const node = tree.nodes.get(path);
        if (!node) notify(connection, eventTypes.deleted, path);
        else if (node.mzxid > since) notify(connection, eventTypes.dataChanged, path);
        else add('data', path, connection);
      }
      for (const path of request.existWatches) {
        if (tree.nodes.has(path)) notify(connection, eventTypes.created, path);
        else add('data', path, connection);
      }
      for (const path of request.childWatches) {
        const node = tree.nodes.get(path);
        if (!node) notify(connection, eventTypes.deleted, path);
        else if (node.pzxid > since) notify(connection, eventTypes.childrenChanged, path);
        else add('child', path, connection);
      }
      if (!('persistentWatches' in request)) return;
      for (const path of request.persistentWatches) add('persistent', path, connection);
      for (const path of request.persistentRecursiveWatches) add('recursive', path, connection);
    },
    byConnection: owners,
    get size() {
      return size;
    },
    get paths() {
      const paths = new Set<string>();
      for (const kind of kinds) for (const path of tables[kind].keys()) paths.add(path);
      return paths.size;
    },
  };
}
