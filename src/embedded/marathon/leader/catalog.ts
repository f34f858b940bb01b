import type { AppDefinition, PathId, Timestamp } from '../../../protocols/marathon/types.ts';
import { type Group, getGroup, transitiveApps } from '../model/group.ts';
import type { Instance } from '../model/instance.ts';
import { topLevelOf } from '../model/path-id.ts';

export interface CatalogChange {
  /** New and changed apps. */
  readonly changed: readonly AppDefinition[];
  readonly removed: readonly AppDefinition[];
}

/** The current tree, and the older definitions that instances still run. */
export interface Catalog {
  readonly root: Group;
  /** @returns how the apps differ from before */
  setRoot(root: Group): CatalogChange;
  app(id: PathId): AppDefinition | undefined;
  /** All current apps in the order of their paths. */
  apps(): readonly AppDefinition[];
  /** What the instance was, or shall be, launched with. */
  definitionOf(instance: Instance): AppDefinition | undefined;
  /** Whether the app's top-level group enforces its name as role. */
  enforcesRole(id: PathId): boolean;
  /** Forgets definitions that no instance was launched with. */
  prune(instances: Iterable<Instance>): void;
}

export function createCatalog(root: Group, definitions: readonly AppDefinition[]): Catalog {
  let current = root;
  let apps = transitiveApps(root);
  let byId = new Map<PathId, AppDefinition>(apps.map((app) => [app.id, app]));
  const old = new Map<string, AppDefinition>();
  for (const app of definitions) old.set(key(app.id, app.version), app);

  return {
    get root() {
      return current;
    },
    setRoot(next) {
      const before = byId;
      current = next;
      apps = transitiveApps(next);
      byId = new Map(apps.map((app) => [app.id, app]));
      const changed: AppDefinition[] = [];
      const removed: AppDefinition[] = [];
      for (const app of apps) if (before.get(app.id) !== app) changed.push(app);
      for (const [id, app] of before) {
        const now = byId.get(id);
        if (now !== app) old.set(key(id, app.version), app);
        if (!now) removed.push(app);
      }
      return { changed, removed };
    },
    app: (id) => byId.get(id),
    apps: () => apps,
    definitionOf(instance) {
      const app = byId.get(instance.appId);
      // Versions that differ in the number of instances alone run the same thing.
      if (app && instance.appVersion >= app.versionInfo.lastConfigChangeAt) return app;
      return old.get(key(instance.appId, instance.appVersion)) ?? app;
    },
    enforcesRole: (id) => getGroup(current, topLevelOf(id))?.enforceRole === true,
    prune(instances) {
      const used = new Set<string>();
      for (const instance of instances) used.add(key(instance.appId, instance.appVersion));
      for (const name of old.keys()) if (!used.has(name)) old.delete(name);
    },
  };
}

function key(id: PathId, version: Timestamp): string {
  return `${id} ${version}`;
}
