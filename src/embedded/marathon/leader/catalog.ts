import type { AppDefinition, PathId, Timestamp } from '../../../protocols/marathon/types.ts';
import { type Group, getGroup, specDifferences, transitiveApps, transitiveSpecs } from '../model/group.ts';
import type { Instance } from '../model/instance.ts';
import { topLevelOf } from '../model/path-id.ts';
import { isPod, type PodDefinition, type RunSpec } from '../model/run-spec.ts';

export interface CatalogChange {
  /** New and changed apps and pods. */
  readonly changed: readonly RunSpec[];
  readonly removed: readonly RunSpec[];
}

/** The current tree, and the older definitions that instances still run. */
export interface Catalog {
  readonly root: Group;
  /** @returns how the apps and pods differ from before */
  setRoot(root: Group): CatalogChange;
  app(id: PathId): AppDefinition | undefined;
  /** All current apps in the order of their paths. */
  apps(): readonly AppDefinition[];
  pod(id: PathId): PodDefinition | undefined;
  /** The app or pod of this path. */
  spec(id: PathId): RunSpec | undefined;
  /** All current apps and pods in the order of their paths. */
  specs(): readonly RunSpec[];
  /** What the instance was, or shall be, launched with. */
  definitionOf(instance: Instance): RunSpec | undefined;
  /** Whether the top-level group enforces its name as role. */
  enforcesRole(id: PathId): boolean;
  /** Forgets definitions that no instance was launched with. */
  prune(instances: Iterable<Instance>): void;
}

export function createCatalog(root: Group, definitions: readonly RunSpec[]): Catalog {
  let current = root;
  const byId = new Map<PathId, RunSpec>(transitiveSpecs(root).map((spec) => [spec.id, spec]));
  const old = new Map<string, RunSpec>();
  for (const spec of definitions) old.set(key(spec.id, spec.version), spec);

  return {
    get root() {
      return current;
    },
    setRoot(next) {
      const changed: RunSpec[] = [];
      const removed: RunSpec[] = [];
      for (const { before, after } of specDifferences(current, next)) {
        if (before) old.set(key(before.id, before.version), before);
        if (after) {
          byId.set(after.id, after);
          changed.push(after);
        } else if (before) {
          byId.delete(before.id);
          removed.push(before);
        }
      }
      current = next;
      return { changed, removed };
    },
    app(id) {
      const spec = byId.get(id);
      return spec && !isPod(spec) ? spec : undefined;
    },
    pod(id) {
      const spec = byId.get(id);
      return spec && isPod(spec) ? spec : undefined;
    },
    spec: (id) => byId.get(id),
    apps: () => transitiveApps(current),
    specs: () => transitiveSpecs(current),
    definitionOf(instance) {
      const spec = byId.get(instance.appId);
      // Versions that differ in the number of instances alone run the same thing.
      if (spec && instance.appVersion >= spec.versionInfo.lastConfigChangeAt) return spec;
      return old.get(key(instance.appId, instance.appVersion)) ?? spec;
    },
    enforcesRole: (id) => getGroup(current, topLevelOf(id))?.enforceRole === true,
    prune(instances) {
      if (old.size === 0) return;
      const used = new Set<string>();
      for (const instance of instances) used.add(key(instance.appId, instance.appVersion));
      for (const name of old.keys()) if (!used.has(name)) old.delete(name);
    },
  };
}

function key(id: PathId, version: Timestamp): string {
  return `${id} ${version}`;
}
