import { expect } from 'vitest';
import type { AppInfo } from '../../../../src/protocols/marathon/types.ts';
import type { TaskState } from '../../../../src/protocols/mesos/types.ts';
import { type Answer, type EventReader, startAll } from '../harness.ts';

/** One statement about Marathon's interface, with what shows that it holds here. */
export type Fact = { readonly fact: string; readonly partly?: string } & (
  | Exchange
  | Scenario
  | ShownElsewhere
  | Missing
);

/** One request to the shared server, and what must be in its answer. */
export interface Exchange {
  readonly method?: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly status: number;
  /** The answer contains it. */
  readonly answer?: unknown;
  readonly check?: (answer: Answer, world: World) => void;
}

export interface Scenario {
  readonly run: (world: World) => Promise<void>;
}

/** A test outside this suite: the file below test/ and the test's title. */
export interface ShownElsewhere {
  readonly file: string;
  readonly title: string;
}

export interface Missing {
  readonly missing: string;
}

export interface Area {
  readonly title: string;
  readonly facts: readonly Fact[];
}

/** One leading Marathon on a fake master, shared by all facts; what a scenario makes, it makes below its own group. */
export interface World extends Awaited<ReturnType<typeof startAll>> {
  /** All events since the start. */
  readonly events: EventReader;
  /** A group's path that nobody else uses; removed after the fact. */
  fresh(): string;
  /** Asks, expecting the status. */
  ask<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    status?: number,
    headers?: Record<string, string>,
  ): Promise<Answer<T>>;
  /** Creates an app and waits until it is deployed. */
  run(app: { id: string } & Record<string, unknown>): Promise<AppInfo>;
  /** Creates an app without instances, and returns it as the API writes it. */
  define(app: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** Waits for the deployment that an answer names. */
  deployed(answer: Answer<{ deploymentId?: string }>): Promise<void>;
  /** What becomes of launched tasks of the apps below `prefix`. */
  behave(prefix: string, states: TaskState[]): void;
  /** Another server with these flags, shared by the facts that name the same ones. */
  with(flags: Record<string, string | number>): Promise<World>;
  /** Removes what the last fact has made. */
  tidy(): Promise<void>;
}

export const timestamp = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
export const uuid = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
export const deploymentResult = { version: timestamp, deploymentId: uuid };
/** An app that is content with little. */
export const small = { cmd: 'sleep 1000', cpus: 0.01, mem: 1 };

let serial = 0;

export async function startWorld(flags: Record<string, string | number> = {}): Promise<World> {
  const all = await startAll(flags);
  const { marathon, master } = all;
  const events = await marathon.events();
  const behaviours = new Map<string, TaskState[]>();
  const groups = new Set<string>();
  const others = new Map<string, Promise<World>>();
  master.behave((task) => {
    const id = task.task_id.value;
    for (const [prefix, states] of behaviours) if (id.startsWith(prefix)) return states;
    return undefined;
  });
  const ask: World['ask'] = async (method, path, body, status, headers) => {
    const answer = await marathon.call<never>(method, path, body, headers);
    const wanted = status === undefined ? expect.toBeOneOf([200, 201]) : status;
    expect({ status: answer.status, text: answer.text }).toEqual({ status: wanted, text: answer.text });
    return answer;
  };
  const world: World = {
    ...all,
    events,
    ask,
    fresh() {
      const group = `/fresh-${++serial}`;
      groups.add(group);
      return group;
    },
    async run(app) {
      const answer = await ask<AppInfo>('POST', '/v2/apps', { ...small, ...app }, 201);
      await marathon.deployed(answer.json.deployments?.[0]?.id);
      return marathon.app(answer.json.id);
    },
    async define(app) {
      const id = `${world.fresh()}/app`;
      const answer = await ask('POST', '/v2/apps', { id, instances: 0, ...app }, 201);
      return answer.json;
    },
    deployed: ({ json }) => marathon.deployed(json.deploymentId),
    behave: (prefix, states) => void behaviours.set(prefix.slice(1).replaceAll('/', '_'), states),
    with(more) {
      const key = JSON.stringify(more);
      const other = others.get(key) ?? startWorld(more);
      others.set(key, other);
      return other;
    },
    async tidy() {
      behaviours.clear();
      for (const group of groups) await marathon.call('DELETE', `/v2/groups${group}?force=true`);
      groups.clear();
      for (const other of others.values()) await (await other).tidy();
    },
    async close() {
      for (const other of others.values()) await (await other).close();
      events.close();
      await all.close();
    },
  };
  return world;
}

/** The error texts of an answer's details, by their paths. */
export function errorsOf(answer: Answer): Record<string, string[]> {
  const details = answer.json.details as { path: string; errors: string[] }[];
  return Object.fromEntries(details.map(({ path, errors }) => [path, errors]));
}

/** A definition that is refused with this error at this path. */
export function refused(fact: string, path: string, text: string | RegExp, app: Record<string, unknown>): Fact {
  return {
    fact,
    method: 'POST',
    path: '/v2/apps',
    body: { id: '/refused', ...app },
    status: 422,
    check(answer) {
      expect(answer.json.message).toBe('Object is not valid');
      const wanted = typeof text === 'string' ? text : expect.stringMatching(text);
      expect(errorsOf(answer)).toMatchObject({ [path]: expect.arrayContaining([wanted]) });
    },
  };
}
