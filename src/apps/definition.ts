import type { AppInput, GroupInput } from '../clients/marathon.ts';
import { DevclusterError } from '../support/errors.ts';
import type { Json } from './template.ts';

/** What a file holds: apps (one or a list) or a group. */
export interface Definitions {
  source: string;
  apps: AppInput[];
  groups: GroupInput[];
}

/** @throws DevclusterError usage when the document is neither an app, a list of apps nor a group */
export function toDefinitions(source: string, document: Json): Definitions {
  const list = Array.isArray(document) ? (document as readonly Json[]) : [document];
  const apps: AppInput[] = [];
  const groups: GroupInput[] = [];
  for (const [i, entry] of list.entries()) {
    const place = list.length > 1 ? `${source}, entry ${i + 1}` : source;
    if (
      entry === null ||
      typeof entry !== 'object' ||
      Array.isArray(entry) ||
      typeof (entry as { id?: Json }).id !== 'string'
    )
      throw new DevclusterError(
        'usage',
        'NOT_A_DEFINITION',
        `${place} is no app definition: an object with an "id" is expected`,
        {
          hint: 'The smallest one is {"id": "/my-app", "cmd": "sleep 1000"}.',
        },
      );
    const definition = entry as { id: string } & Record<string, Json>;
    const absolute = { ...definition, id: definition.id.startsWith('/') ? definition.id : `/${definition.id}` };
    if ('apps' in definition || 'groups' in definition) groups.push(absolute);
    else apps.push(absolute);
  }
  return { source, apps, groups };
}

/** Ids (as written, made absolute) of all apps a group holds, transitively. */
export function appsOfGroup(group: GroupInput, base = ''): { id: string; definition: Record<string, unknown> }[] {
  const id = absoluteId(group.id, base);
  const apps = ((group.apps ?? []) as AppInput[]).map((app) => ({ id: absoluteId(app.id, id), definition: app }));
  const groups = (group.groups ?? []) as GroupInput[];
  return [...apps, ...groups.flatMap((child) => appsOfGroup(child, id))];
}

/** @param base the group's id, absolute; '' outside of one */
export function absoluteId(id: string, base: string): string {
  return id.startsWith('/') ? id : `${base === '/' ? '' : base}/${id}`;
}

/** Whether the app wants an image, and so a container runtime. */
export function imageOf(definition: Record<string, unknown>): string | undefined {
  const container = definition.container as { docker?: { image?: unknown } } | undefined;
  return typeof container?.docker?.image === 'string' ? container.docker.image : undefined;
}

/**
 * Docker-image apps can't run where tasks are processes; Marathon would try for ever.
 * @throws DevclusterError missing / NO_CONTAINERS naming the apps
 */
export function refuseImages(definitions: readonly Definitions[]): void {
  const withImage = definitions
    .flatMap(({ apps, groups }) => [
      ...apps.map((app) => ({ id: app.id, definition: app as Record<string, unknown> })),
      ...groups.flatMap((group) => appsOfGroup(group)),
    ])
    .filter(({ definition }) => imageOf(definition) !== undefined)
    .map(({ id, definition }) => `${id} (${imageOf(definition)})`);
  if (withImage.length > 0)
    throw new DevclusterError(
      'missing',
      'NO_CONTAINERS',
      `This cluster runs tasks as processes and has no containers for ${withImage.join(', ')}`,
      {
        hint: 'Run the cluster in Docker (`devcluster up --runtime docker`), or deploy the app as a command.',
      },
    );
}
