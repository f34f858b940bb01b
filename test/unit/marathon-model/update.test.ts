import { describe, expect, it } from 'vitest';
import { emptyRoot, putApp } from '../../../src/embedded/marathon/model/group.ts';
import { serialiseApp } from '../../../src/embedded/marathon/model/normalize.ts';
import { parseJson } from '../../../src/embedded/marathon/model/parse-json.ts';
import {
  type ReadContext,
  readApp,
  readAppUpdate,
  readAppUpdates,
  updateApp,
  versionToRestore,
} from '../../../src/embedded/marathon/model/update.ts';
import type { AppDefinition } from '../../../src/protocols/marathon/types.ts';
import { accepted, at, config, makeApp, makeRoot, problemOf } from './make.ts';

const none = () => undefined;
const contextWith = (...apps: AppDefinition[]): ReadContext => ({ config, root: makeRoot(...apps), now: at(10) });

const full = makeApp('/app', {
  cmd: 'sleep 1',
  cpus: 2,
  env: { A: '1', B: '2' },
  labels: { x: 'y' },
  constraints: [['hostname', 'UNIQUE']],
  executorResources: { cpus: 0.1, mem: 32, disk: 10 },
  resourceLimits: { cpus: 4 },
  portDefinitions: [{ port: 10001, protocol: 'tcp', name: 'http' }],
  version: at(1),
  versionInfo: { lastScalingAt: at(1), lastConfigChangeAt: at(1) },
});

function update(app: AppDefinition | undefined, body: unknown, mode = { partial: true, create: true }) {
  const context = app ? contextWith(app) : contextWith();
  const read = readAppUpdate(body, '/app', context);
  return read.ok ? updateApp('/app', read.value, mode, context, none) : read;
}

describe('a partial update', () => {
  it('replaces the supplied fields alone', () => {
    const app = accepted(update(full, { cpus: 3 }));
    expect(app).toEqual({ ...withoutCleared(full), cpus: 3 });
  });

  it('replaces maps and lists as a whole', () => {
    const app = accepted(update(full, { env: { C: '3' }, constraints: [] }));
    expect(app.env).toEqual({ C: '3' });
    expect(app.constraints).toEqual([]);
    expect(app.labels).toEqual({ x: 'y' });
  });

  it('clears executor resources and limits that it does not supply', () => {
    const app = accepted(update(full, {}));
    expect(app).not.toHaveProperty('executorResources');
    expect(app).not.toHaveProperty('resourceLimits');
    expect(accepted(update(full, { resourceLimits: { mem: 512 } })).resourceLimits).toEqual({ mem: 512 });
  });

  it('keeps the version: what it becomes is decided when the whole change is known', () => {
    expect(accepted(update(full, { instances: 5 }))).toMatchObject({ version: at(1), versionInfo: full.versionInfo });
  });

  it('takes legacy fields', () => {
    const app = accepted(update(full, { ports: [0, 0], uris: ['http://a/b.zip'] }));
    expect(app.portDefinitions).toEqual([
      { port: 0, protocol: 'tcp' },
      { port: 0, protocol: 'tcp' },
    ]);
    expect(app.fetch).toEqual([{ uri: 'http://a/b.zip', extract: true, executable: false, cache: false }]);
  });

  it('moves an app to another kind of network with its ports', () => {
    const bridged = accepted(
      update(full, {
        networks: [{ mode: 'container/bridge' }],
        container: { docker: { image: 'nginx' }, portMappings: [{ containerPort: 80 }] },
      }),
    );
    expect(bridged).not.toHaveProperty('portDefinitions');
    expect(bridged.container?.portMappings).toHaveLength(1);
    const back = accepted(update(bridged, { networks: [{ mode: 'host' }] }));
    expect(back.container).not.toHaveProperty('portMappings');
    expect(back.portDefinitions).toEqual([{ port: 0, protocol: 'tcp', name: 'default' }]);
  });

  it('is checked as the app that it makes', () => {
    expect(problemOf(update(full, { args: ['x'] })).body).toMatchObject({
      details: [
        { path: '/', errors: ["AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'."] },
      ],
    });
    expect(problemOf(update(full, { cpus: 'x' }))).toEqual({
      status: 422,
      body: { message: 'Invalid JSON', details: [{ path: '/cpus', errors: ['error.expected.jsnumber'] }] },
    });
  });

  it('refuses to mix legacy with new fields', () => {
    expect(problemOf(update(full, { ipAddress: {}, networks: [{ mode: 'host' }] }))).toEqual({
      status: 422,
      body: { message: 'cannot mix deprecated and canonical network APIs' },
    });
    expect(problemOf(update(full, { uris: ['http://a'], fetch: [{ uri: 'http://b' }] }))).toEqual({
      status: 422,
      body: { message: 'cannot specify both uris and fetch fields' },
    });
  });

  it('leaves the role of an app that keeps data, unless forced', () => {
    const volumes = [
      { containerPath: 'd', mode: 'RW', persistent: { type: 'root', size: 1, constraints: [] } },
    ] as const;
    const resident = makeApp('/g/app', {
      role: 'g',
      container: { type: 'MESOS', volumes },
      upgradeStrategy: { minimumHealthCapacity: 0.5, maximumOverCapacity: 0 },
      unreachableStrategy: 'disabled',
    });
    const root = putApp(emptyRoot(at(0)), resident, at(0));
    const context = { config: { ...config, mesosRole: 'other' }, root, now: at(10) };
    const change = (force: boolean) =>
      updateApp('/g/app', { role: 'other' }, { partial: true, create: true }, { ...context, force }, none);
    expect(problemOf(change(false))).toMatchObject({ status: 422, body: { details: [{ path: '/role' }] } });
    expect(accepted(change(true)).role).toBe('other');
  });
});

describe('a version in an update', () => {
  const old = makeApp('/app', { cmd: 'old', version: at(0) });
  const context = contextWith(full);

  it('restores the app of that version', () => {
    const read = accepted(readAppUpdate({ version: at(0) }, '/app', context));
    expect(versionToRestore(read)).toBe(at(0));
    const asked: string[] = [];
    const app = updateApp('/app', read, { partial: true, create: true }, context, (id, version) => {
      asked.push(`${id} ${version}`);
      return old;
    });
    expect(accepted(app)).toBe(old);
    expect(asked).toEqual([`/app ${at(0)}`]);
  });

  it('is read whatever its offset and precision', () => {
    expect(versionToRestore(accepted(readAppUpdate({ version: '2024-01-01T01:00:00+01:00' }, '/app', context)))).toBe(
      at(0),
    );
    expect(problemOf(readAppUpdate({ version: 'yesterday' }, '/app', context)).body).toMatchObject({
      details: [{ path: '/version', errors: ['error.expected.date.isoformat'] }],
    });
  });

  it('is refused when it is unknown', () => {
    expect(
      problemOf(updateApp('/app', { version: at(5) }, { partial: true, create: true }, context, none)),
    ).toMatchObject({ status: 404, body: { message: "App '/app' does not exist" } });
  });

  it('stands alone, but for the id', () => {
    accepted(readAppUpdate({ version: at(0), id: '/app' }, '/app', context));
    expect(problemOf(readAppUpdate({ version: at(0), cpus: 1 }, '/app', context))).toEqual({
      status: 422,
      body: {
        message: 'Object is not valid',
        details: [{ path: '/', errors: ["The 'version' field may only be combined with the 'id' field."] }],
      },
    });
  });
});

describe('an update of an app that does not exist', () => {
  it('is read as a complete definition', () => {
    const app = accepted(update(undefined, { cmd: 'sleep 1' }));
    expect(app).toMatchObject({ id: '/app', cpus: 1, version: at(10) });
  });

  it('is refused by PATCH', () => {
    expect(problemOf(update(undefined, { cmd: 'sleep 1' }, { partial: true, create: false }))).toEqual({
      status: 404,
      body: { message: "App '/app' does not exist" },
    });
  });

  it('is refused when it is incomplete', () => {
    expect(problemOf(update(undefined, { instances: 2 })).status).toBe(422);
  });
});

describe('a full replacement', () => {
  it('gives fields that it does not name their defaults', () => {
    const app = accepted(update(full, { cmd: 'sleep 2' }, { partial: false, create: true }));
    expect(app).toMatchObject({ cmd: 'sleep 2', cpus: 1, env: {}, labels: {} });
  });

  it('takes its id from the path', () => {
    expect(accepted(update(full, { id: '/other', cmd: 'sleep 2' }, { partial: false, create: true })).id).toBe('/app');
  });
});

describe('a list of updates', () => {
  it('gives each its absolute id', () => {
    const updates = accepted(
      readAppUpdates(
        [
          { id: 'a', cpus: 1 },
          { id: '/b/c', mem: 1 },
        ],
        contextWith(),
      ),
    );
    expect(updates).toEqual([
      { id: '/a', cpus: 1 },
      { id: '/b/c', mem: 1 },
    ]);
  });

  it('refuses one without an id', () => {
    expect(problemOf(readAppUpdates([{ cpus: 1 }], contextWith()))).toEqual({
      status: 422,
      body: { message: 'requirement failed: App Update must have app id set' },
    });
  });
});

describe('a body', () => {
  it.each([
    ['', 400, 'Please specify data in JSON format'],
    ['  ', 400, 'Please specify data in JSON format'],
    ['{"id":', 400, 'Invalid JSON'],
    ['[[[', 400, 'Invalid JSON'],
    ['['.repeat(100_000), 400, 'Invalid JSON'],
  ])('%.10j is refused', (text, status, message) => {
    const problem = problemOf(parseJson(text));
    expect(problem).toMatchObject({ status, body: { message, details: expect.any(String) } });
  });

  it('may hold any names', () => {
    const body = accepted(parseJson('{"id":"/x","cmd":"ls","env":{"__proto__":"a","constructor":"b"}}'));
    const app = accepted(readApp(body, contextWith()));
    expect(Object.entries(app.env)).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
    expect(JSON.parse(JSON.stringify(serialiseApp(app)))).toMatchObject({ env: JSON.parse('{"__proto__":"a"}') });
  });
});

function withoutCleared(app: AppDefinition): AppDefinition {
  const { executorResources: _e, resourceLimits: _r, ...rest } = app;
  return rest;
}
