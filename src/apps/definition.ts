import type { AppInput, GroupInput } from '../clients/marathon.ts';
import { DevclusterError } from '../support/errors.ts';
import type { Json } from './template.ts';

/** What a file holds: apps (one or a list) or a group, which may hold pods too. */
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
    if (['apps', 'pods', 'groups'].some((member) => member in definition)) groups.push(absolute);
    else apps.push(absolute);
  }
  return { source, apps, groups };
}

interface Named {
  id: string;
  definition: Record<string, unknown>;
}

/** Ids (as written, made absolute) of all apps a group holds, transitively. */
export function appsOfGroup(group: GroupInput): Named[] {
  return membersOfGroup(group, 'apps');
}

function membersOfGroup(group: GroupInput, kind: 'apps' | 'pods', base = ''): Named[] {
  const id = absoluteId(group.id, base);
  const own = ((group[kind] ?? []) as AppInput[]).map((each) => ({ id: absoluteId(each.id, id), definition: each }));
  const groups = (group.groups ?? []) as GroupInput[];
  return [...own, ...groups.flatMap((child) => membersOfGroup(child, kind, id))];
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

/** The first image that a container of the pod wants. */
function imageOfPod(definition: Record<string, unknown>): string | undefined {
  const containers = (definition.containers ?? []) as { image?: { id?: string } }[];
  return containers.flatMap(({ image }) => image?.id ?? [])[0];
}

/**
 * Apps and pods with images can't run where tasks are processes; Marathon would try for ever.
 * @throws DevclusterError missing / NO_CONTAINERS naming them
 */
export function refuseImages(definitions: readonly Definitions[]): void {
  const apps = definitions.flatMap(({ apps, groups }) => [
    ...apps.map((app) => ({ id: app.id, definition: app as Record<string, unknown> })),
    ...groups.flatMap(appsOfGroup),
  ]);
  const pods = definitions.flatMap(({ groups }) => groups.flatMap((group) => membersOfGroup(group, 'pods')));
  const named = (all: readonly Named[], find: (definition: Record<string, unknown>) => string | undefined) =>
    all.flatMap(({ id, definition }) => {
      const image = find(definition);
      return image === undefined ? [] : [`${id} (${image})`];
    });
  const [appsWithImage, podsWithImage] = [named(apps, imageOf), named(pods, imageOfPod)];
  if (appsWithImage.length + podsWithImage.length === 0) return;
  throw new DevclusterError(
    'missing',
    'NO_CONTAINERS',
    `This cluster runs tasks as processes and has no containers for ${[...appsWithImage, ...podsWithImage].join(', ')}`,
    {
      hint:
        podsWithImage.length > 0
          ? 'Take the image out of the pod, or make each of its containers an app and run the cluster in Docker (`devcluster up --runtime docker`).'
          : 'Run the cluster in Docker (`devcluster up --runtime docker`), or deploy the app as a command.',
    },
  );
}
