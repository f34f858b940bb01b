import type { AppInput, GroupInput } from '../clients/marathon.ts';
import { absoluteId, type Definitions } from './definition.ts';
import type { GitFacts } from './git.ts';

/** Labels by which an app tells what source it was deployed from. */
export const sourceLabels = {
  /** The commit's hash, with `-dirty.<content hash>` when the tree differed from it. */
  commit: 'devcluster.commit',
  branch: 'devcluster.branch',
  /** When it was deployed, ISO 8601. */
  time: 'devcluster.time',
} as const;

/** Adds the labels to every app; those that a definition sets itself win. */
export function labelSource(definitions: Definitions, git: GitFacts, now: Date): Definitions {
  const labels = {
    [sourceLabels.commit]: git.version,
    [sourceLabels.branch]: git.branch,
    [sourceLabels.time]: now.toISOString(),
  };
  return mapApps(definitions, (app) => ({ ...app, labels: { ...labels, ...(app.labels as object | undefined) } }));
}

/** Changes every app, also those in groups; `id` is as written, `fullId` as Marathon has it. */
export function mapApps<D extends Definitions>(definitions: D, change: (app: AppInput, fullId: string) => AppInput): D {
  const inGroup = (group: GroupInput, base: string): GroupInput => {
    const id = absoluteId(group.id, base);
    return {
      ...group,
      ...(group.apps ? { apps: (group.apps as AppInput[]).map((app) => change(app, absoluteId(app.id, id))) } : {}),
      ...(group.groups ? { groups: (group.groups as GroupInput[]).map((child) => inGroup(child, id)) } : {}),
    };
  };
  return {
    ...definitions,
    apps: definitions.apps.map((app) => change(app, app.id)),
    groups: definitions.groups.map((group) => inGroup(group, '')),
  };
}
