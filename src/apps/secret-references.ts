import { DevclusterError } from '../support/errors.ts';
import type { Json } from './template.ts';

type JsonObject = { readonly [key: string]: Json };

/** A definition in which secrets have become references, and the names of all of them with their places. */
export interface ReferencedSecrets {
  document: Json;
  /** By name, the first place. */
  names: Map<string, string>;
}

const whole = /^\s*\{\{\s*secret\.(?:\[([A-Za-z0-9_.-]+)\]|([A-Za-z0-9_-]+))\s*\}\}\s*$/;

/**
 * Turns `{{secret.X}}` into what Marathon takes for a reference to a secret, so that its value appears nowhere: as a
 * whole value of `env` (`{"secret": "X"}`), or as the `secret` of a volume, which becomes a file; the app's `secrets`
 * section is completed by what is referenced.
 * @param source the file's name, for errors
 * @throws DevclusterError usage / SECRET_MISPLACED for a secret elsewhere or inside of a longer text
 */
export function referenceSecrets(document: Json, source: string): ReferencedSecrets {
  const names = new Map<string, string>();
  const note = (name: string, place: string) => {
    if (!names.has(name)) names.set(name, place);
    return name;
  };

  const inApp = (app: JsonObject, place: string): JsonObject => {
    const used = new Set<string>();
    const take = (value: Json, at: string): string | undefined => {
      const name = typeof value === 'string' ? nameIn(value) : undefined;
      if (name !== undefined) used.add(note(name, at));
      return name;
    };
    const changed: Record<string, Json> = { ...app };
    if (isObject(app.env))
      changed.env = mapObject(app.env, (value, key) => {
        const name = take(value, `${place}/env/${key}`);
        return name === undefined ? value : { secret: name };
      });
    const { container } = app;
    if (isObject(container) && Array.isArray(container.volumes))
      changed.container = {
        ...container,
        volumes: (container.volumes as readonly Json[]).map((volume, i) => {
          if (!isObject(volume)) return volume;
          const name = take(volume.secret ?? null, `${place}/container/volumes/${i}/secret`);
          return name === undefined ? volume : { ...volume, secret: name };
        }),
      };
    if (used.size > 0)
      changed.secrets = {
        ...Object.fromEntries([...used].map((name) => [name, { source: name }])),
        ...(isObject(app.secrets) ? app.secrets : {}),
      };
    if (isObject(app.secrets))
      for (const [key, value] of Object.entries(app.secrets))
        if (isObject(value) && typeof value.source === 'string') note(value.source, `${place}/secrets/${key}`);
    return changed;
  };

  const visit = (value: Json, place: string): Json => {
    if (Array.isArray(value)) return (value as readonly Json[]).map((entry, i) => visit(entry, `${place}/${i}`));
    if (!isObject(value)) return value;
    if (!('apps' in value) && !('groups' in value)) return inApp(value, place);
    return mapObject(value, (member, key) =>
      key === 'apps' || key === 'groups' ? visit(member, `${place}/${key}`) : member,
    );
  };

  const changed = visit(document, '');
  refuseOthers(changed, source, '');
  return { document: changed, names };
}

/** The secret's name when the text is nothing but a reference to it. */
function nameIn(text: string): string | undefined {
  const match = whole.exec(text);
  return match?.[1] ?? match?.[2];
}

function refuseOthers(value: Json, source: string, place: string): void {
  if (typeof value === 'string' && /\{\{[^}]*\bsecret\./.test(value))
    throw new DevclusterError(
      'usage',
      'SECRET_MISPLACED',
      `${source}, at ${place || '/'}: a secret can't be put here, since its value would be seen in Marathon's API`,
      {
        hint: 'Use it as a whole value of `env`, or as a file: "container": {"type": "MESOS", "volumes": [{"containerPath": "secrets/x", "secret": "{{secret.X}}"}]}.',
      },
    );
  if (Array.isArray(value)) for (const [i, each] of value.entries()) refuseOthers(each, source, `${place}/${i}`);
  else if (isObject(value))
    for (const [key, each] of Object.entries(value)) refuseOthers(each, source, `${place}/${key}`);
}

function isObject(value: Json | undefined): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function mapObject(value: JsonObject, change: (member: Json, key: string) => Json): JsonObject {
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, change(member, key)]));
}
