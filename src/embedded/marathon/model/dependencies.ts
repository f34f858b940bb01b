import type { PathId } from '../../../protocols/marathon/types.ts';
import { type Group, specsOf } from './tree.ts';

/**
 * The graph of what depends on what: an app on an app, an app on every app of a group, every app of a group on every
 * app of another. Groups are nodes of their own here, one that stands for what its apps need and one for having them
 * all, so that the graph stays as small as the tree.
 * Source: RootGroup.applicationDependencies and DeploymentPlan.runSpecsGroupedByLongestPath of Marathon.
 */

interface Node {
  /** The app, if it is one. */
  readonly app?: PathId;
  readonly needs: Node[];
  readonly neededBy: Node[];
  /** Needs not yet placed. */
  open: number;
  /** Apps on the longest path below. */
  below: number;
}

function buildGraph(root: Group): Node[] {
  const nodes: Node[] = [];
  const node = (app?: PathId): Node => {
    const made: Node = { ...(app !== undefined && { app }), needs: [], neededBy: [], open: 0, below: 0 };
    nodes.push(made);
    return made;
  };
  const link = (from: Node, to: Node) => {
    from.needs.push(to);
    to.neededBy.push(from);
    from.open++;
  };
  const apps = new Map<PathId, Node>();
  /** Placed once all apps of the group are. */
  const whole = new Map<PathId, Node>();
  const pending: [Node, PathId][] = [];

  const visit = (group: Group, outerNeeds: Node | undefined): Node => {
    const all = node();
    whole.set(group.id, all);
    let needs = outerNeeds;
    if (group.dependencies.length > 0) {
      needs = node();
      if (outerNeeds) link(needs, outerNeeds);
      for (const id of group.dependencies) pending.push([needs, id]);
    }
    for (const app of specsOf(group)) {
      const own = node(app.id);
      apps.set(app.id, own);
      link(all, own);
      if (needs) link(own, needs);
      for (const id of app.dependencies) pending.push([own, id]);
    }
    for (const child of Object.values(group.groups)) link(all, visit(child, needs));
    return all;
  };
  visit(root, undefined);
  for (const [from, id] of pending) {
    // A group depends on groups only; an app on an app or, when there is none, on a group.
    const to = (from.app === undefined ? undefined : apps.get(id)) ?? whole.get(id);
    if (to) link(from, to);
  }
  return nodes;
}

/** All apps in one level, when nothing depends on anything; undefined otherwise. */
function withoutDependencies(root: Group): PathId[] | undefined {
  const ids: PathId[] = [];
  const groups = [root];
  for (let group = groups.pop(); group; group = groups.pop()) {
    if (group.dependencies.length > 0) return undefined;
    for (const app of specsOf(group)) {
      if (app.dependencies.length > 0) return undefined;
      ids.push(app.id);
    }
    groups.push(...Object.values(group.groups));
  }
  return ids.sort();
}

function findLevels(root: Group): readonly (readonly PathId[])[] | undefined {
  const all = withoutDependencies(root);
  if (all) return [all];
  const nodes = buildGraph(root);
  const placed = nodes.filter(({ open }) => open === 0);
  const levels: PathId[][] = [];
  for (let next = 0; next < placed.length; next++) {
    const node = placed[next] as Node;
    if (node.app !== undefined) {
      const level = levels[node.below];
      if (level) level.push(node.app);
      else levels[node.below] = [node.app];
      node.below++;
    }
    for (const dependent of node.neededBy) {
      dependent.below = Math.max(dependent.below, node.below);
      if (--dependent.open === 0) placed.push(dependent);
    }
  }
  return placed.length === nodes.length ? levels.map((level) => level.sort()) : undefined;
}

/** A tree never changes, so neither do its levels: it is both checked for cycles and planned by. */
const known = new WeakMap<Group, { readonly levels: readonly (readonly PathId[])[] | undefined }>();

/**
 * Apps by the length of the longest dependency path below them, those without dependencies first; each list depends on
 * earlier ones only. Undefined when the graph has a cycle. Dependencies on what does not exist count for nothing.
 */
export function dependencyLevels(root: Group): readonly (readonly PathId[])[] | undefined {
  let found = known.get(root);
  if (!found) known.set(root, (found = { levels: findLevels(root) }));
  return found.levels;
}
