import type { WatchEventType, Watched, Watcher } from './client-types.ts';
import { eventTypes } from './constants.ts';
import type { SetWatches2, WatchEvent } from './records.ts';

/**
 * What a watch was set by: getData or exists on a node that is (data), exists on one that isn't (exist), getChildren
 * (child): these fire once. addWatch: persistent, recursive.
 */
export type WatchKind = 'data' | 'exist' | 'child' | 'persistent' | 'recursive';

type Watchers = Map<string, Set<Watcher>>;

/** The watches of one session. Paths are the server's, chroot included. */
export interface WatchRegistry {
  add(kind: WatchKind, path: string, watcher: Watcher): void;
  /** @returns whether nobody of that kind watches the path any more */
  remove(kind: WatchKind, path: string, watcher: Watcher): boolean;
  /** Whether anybody watches this very path. */
  has(path: string): boolean;
  /** The watchers of an event; one-shot ones are taken out. */
  take(event: WatchEvent): { event: Watched; watchers: Set<Watcher> } | undefined;
  /** What a new connection must be told, in pieces of at most about `maxBytes`. Empty when nothing is watched. */
  toSet(relativeZxid: bigint, maxBytes?: number): SetWatches2[];
  clear(): void;
}

const typeNames = new Map<number, WatchEventType>([
  [eventTypes.created, 'created'],
  [eventTypes.deleted, 'deleted'],
  [eventTypes.dataChanged, 'dataChanged'],
  [eventTypes.childrenChanged, 'childrenChanged'],
]);

/** Which one-shot watches a change sets off. */
const sets: Record<WatchEventType, readonly ('data' | 'exist' | 'child')[]> = {
  created: ['data', 'exist'],
  dataChanged: ['data', 'exist'],
  deleted: ['data', 'exist', 'child'],
  childrenChanged: ['child'],
};

const lists = {
  data: 'dataWatches',
  exist: 'existWatches',
  child: 'childWatches',
  persistent: 'persistentWatches',
  recursive: 'persistentRecursiveWatches',
} as const satisfies Record<WatchKind, keyof SetWatches2>;

export function createWatchRegistry(): WatchRegistry {
  const kinds: Record<WatchKind, Watchers> = {
    data: new Map(),
    exist: new Map(),
    child: new Map(),
    persistent: new Map(),
    recursive: new Map(),
  };
  return {
    add(kind, path, watcher) {
      const watchers = kinds[kind].get(path);
      if (watchers) watchers.add(watcher);
      else kinds[kind].set(path, new Set([watcher]));
    },
    remove(kind, path, watcher) {
      const watchers = kinds[kind].get(path);
      watchers?.delete(watcher);
      if (watchers && watchers.size > 0) return false;
      kinds[kind].delete(path);
      return true;
    },
    has: (path) => Object.values(kinds).some((watchers) => watchers.has(path)),
    take(event) {
      const type = typeNames.get(event.type);
      if (!type) return undefined;
      const found = new Set<Watcher>();
      const collect = (watchers: Set<Watcher> | undefined) => {
        for (const watcher of watchers ?? []) found.add(watcher);
      };
      for (const kind of sets[type]) {
        collect(kinds[kind].get(event.path));
        kinds[kind].delete(event.path);
      }
      collect(kinds.persistent.get(event.path));
      if (type !== 'childrenChanged' && kinds.recursive.size > 0)
        for (const path of withAncestors(event.path)) collect(kinds.recursive.get(path));
      return { event: { type, path: event.path }, watchers: found };
    },
    toSet(relativeZxid, maxBytes = 128 * 1024) {
      const pieces: SetWatches2[] = [];
      let piece: SetWatches2 | undefined;
      let size = 0;
      for (const kind of Object.keys(kinds) as WatchKind[])
        for (const path of kinds[kind].keys()) {
          const bytes = 4 + Buffer.byteLength(path);
          if (!piece || size + bytes > maxBytes) {
            piece = {
              relativeZxid,
              dataWatches: [],
              existWatches: [],
              childWatches: [],
              persistentWatches: [],
              persistentRecursiveWatches: [],
            };
            pieces.push(piece);
            size = 0;
          }
          piece[lists[kind]].push(path);
          size += bytes;
        }
      return pieces;
    },
    clear() {
      for (const watchers of Object.values(kinds)) watchers.clear();
    },
  };
}

/** `/a/b` → `/a/b`, `/a`, `/`. */
function withAncestors(path: string): string[] {
  const paths = [path];
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) paths.push(path.slice(0, at));
  if (path !== '/') paths.push('/');
  return paths;
}
