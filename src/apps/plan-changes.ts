import type { GroupInput, MarathonClient } from '../clients/marathon.ts';
import type { AppInfo, GroupInfo } from '../protocols/marathon/types.ts';
import { DevclusterError } from '../support/errors.ts';
import { appsOfGroup, type Definitions } from './definition.ts';
import { type AppChange, compareApp } from './differences.ts';
import { mapApps, sourceLabels } from './labels.ts';

/** Definitions with what deploying them changes. */
export interface PlannedChanges<D extends Definitions> {
  definitions: D;
  changes: AppChange[];
}

/**
 * Compares definitions with what runs. Apps that would only get a new time of deployment keep the old one, so that
 * deploying the same again replaces nothing.
 */
export async function planChanges<D extends Definitions>(
  marathon: MarathonClient,
  definitions: D,
): Promise<PlannedChanges<D>> {
  const current = new Map((await marathon.apps()).map((app) => [app.id, app]));
  const changes: AppChange[] = [
    ...definitions.apps.map((app) => compareApp(current.get(app.id), app)),
    ...(await Promise.all(definitions.groups.map((group) => groupChanges(marathon, group, current)))).flat(),
  ];
  const unchanged = new Set(changes.filter(({ change }) => change === 'none').map(({ id }) => id));
  const kept = mapApps(definitions, (app, id) => {
    const time = current.get(id)?.labels?.[sourceLabels.time];
    const labels = app.labels as Record<string, unknown> | undefined;
    if (!unchanged.has(id) || !labels || !(sourceLabels.time in labels) || time === undefined) return app;
    return { ...app, labels: { ...labels, [sourceLabels.time]: time } };
  });
  return { definitions: kept, changes };
}

/** A group replaces what was there, so apps that it doesn't name any more are removed. */
async function groupChanges(
  marathon: MarathonClient,
  group: GroupInput,
  current: ReadonlyMap<string, AppInfo>,
): Promise<AppChange[]> {
  const wanted = appsOfGroup(group);
  const ids = new Set(wanted.map(({ id }) => id));
  const there = await marathon.group(group.id).then(idsOf, (error: unknown) => {
    if (error instanceof DevclusterError && error.kind === 'notFound') return [];
    throw error;
  });
  return [
    ...wanted.map(({ id, definition }) => compareApp(current.get(id), { ...definition, id }, id)),
    ...there.filter((id) => !ids.has(id)).map((id): AppChange => ({ id, change: 'remove', differences: [] })),
  ];
}

function idsOf(group: GroupInfo): string[] {
  return [...(group.apps ?? []).map(({ id }) => id), ...(group.groups ?? []).flatMap(idsOf)];
}
