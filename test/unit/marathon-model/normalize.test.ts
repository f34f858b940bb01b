import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { serialiseApp } from '../../../src/embedded/marathon/model/normalize.ts';
import { parseJson } from '../../../src/embedded/marathon/model/parse-json.ts';
import { checkApp, checkAppUpdate, checkGroupUpdate } from '../../../src/embedded/marathon/model/schema.ts';
import { type ReadContext, readApp, readAppUpdate, updateApp } from '../../../src/embedded/marathon/model/update.ts';
import { sameJson } from '../../../src/embedded/marathon/model/versions.ts';
import { accepted, config, makeRoot, t0 } from './make.ts';

const context: ReadContext = {
  config: { ...config, features: new Set(['secrets', 'gpu_resources']), defaultNetworkName: 'default' },
  root: makeRoot(),
  now: t0,
};

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 });
const labels = fc.dictionary(fc.stringMatching(/^[A-Z_.]{1,6}$/), fc.string(), { maxKeys: 3 });
const port = fc.integer({ min: 1, max: 65535 });
const protocol = fc.constantFrom('tcp', 'udp', 'udp,tcp');
const seconds = fc.nat(1000);

const commands = fc.oneof(
  fc.record({ cmd: fc.string({ minLength: 2 }) }),
  fc.record({ args: fc.array(fc.string(), { minLength: 1, maxLength: 3 }) }),
);

const mappings = fc.uniqueArray(
  fc.record(
    { containerPort: fc.nat(65535), hostPort: fc.nat(65535), servicePort: fc.nat(65535), protocol, labels },
    { requiredKeys: [] },
  ),
  { maxLength: 3, selector: (mapping) => JSON.stringify(mapping) },
);

/** Ways to say where an app listens, old ones among them. */
const networking = fc.oneof(
  fc.constant({}),
  fc.record({
    portDefinitions: fc.uniqueArray(fc.record({ port, protocol, labels }, { requiredKeys: ['port'] }), {
      maxLength: 3,
      selector: (each) => each.port,
    }),
  }),
  fc.record({ ports: fc.uniqueArray(port, { maxLength: 3 }), requirePorts: fc.boolean() }),
  fc.record({ networks: fc.constant([{ mode: 'host' }]) }),
  fc.record({
    networks: fc.constant([{ mode: 'container/bridge', labels: { a: 'b' } }]),
    container: fc.record({ type: fc.constant('MESOS'), portMappings: mappings }, { requiredKeys: ['type'] }),
  }),
  fc.record({
    networks: fc.constantFrom([{ mode: 'container' }], [{ name: 'a' }]),
    container: fc.record(
      {
        docker: fc.record({ image: fc.constant('i'), forcePullImage: fc.boolean() }, { requiredKeys: ['image'] }),
        portMappings: mappings,
      },
      { requiredKeys: ['docker'] },
    ),
  }),
  fc.record({
    container: fc.record({
      docker: fc.record(
        { image: fc.constant('i'), network: fc.constantFrom('HOST', 'BRIDGE', 'USER'), portMappings: mappings },
        { requiredKeys: ['image', 'network'] },
      ),
    }),
  }),
  fc.record({
    ipAddress: fc.record({ networkName: fc.constantFrom('n', 'mesos-bridge'), labels }, { requiredKeys: [] }),
  }),
);

const others = fc.record(
  {
    acceptedResourceRoles: fc.constant(['*']),
    backoffFactor: fc.double({ min: 1, max: 10, noNaN: true }),
    backoffSeconds: seconds,
    constraints: fc.array(fc.constantFrom(['hostname', 'unique'], ['rack', 'GROUP_BY', '3'], ['x', 'LIKE', 'a.*']), {
      maxLength: 4,
    }),
    cpus: fc.double({ min: 0.001, max: 64, noNaN: true }),
    dependencies: fc.array(fc.constantFrom('/x', 'y', '../z'), { maxLength: 3 }),
    disk: fc.nat(1000),
    env: labels,
    fetch: fc.array(
      fc.record(
        { uri: fc.constantFrom('http://a/b.zip', 'file:///c'), extract: fc.boolean(), destPath: fc.constant('d') },
        { requiredKeys: ['uri'] },
      ),
      { maxLength: 2 },
    ),
    gpus: fc.constant(0),
    healthChecks: fc.array(
      fc.record(
        {
          protocol: fc.constantFrom('COMMAND'),
          command: fc.record({ value: fc.string() }),
          delaySeconds: seconds,
          gracePeriodSeconds: seconds,
        },
        { requiredKeys: ['protocol', 'command'] },
      ),
      { maxLength: 2 },
    ),
    instances: seconds,
    killSelection: fc.constantFrom('YOUNGEST_FIRST', 'oldest_first'),
    labels,
    maxLaunchDelaySeconds: seconds,
    mem: fc.nat(10000),
    secrets: fc.constant({ s: { source: '/s' } }),
    taskKillGracePeriodSeconds: seconds,
    tty: fc.boolean(),
    unreachableStrategy: fc.constantFrom('disabled', {}, { expungeAfterSeconds: 5 }),
    upgradeStrategy: fc.record({
      minimumHealthCapacity: fc.double({ min: 0, max: 1, noNaN: true }),
      maximumOverCapacity: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
    user: fc.string(),
  },
  { requiredKeys: [] },
);

const bodies = fc
  .tuple(commands, networking, others)
  .map(([command, network, other]) => ({ id: '/g/app', ...command, ...network, ...other }));

describe('any definition', () => {
  it('is the same when it is read again from what the API writes', () => {
    fc.assert(
      fc.property(bodies, (body) => {
        const app = accepted(readApp(body, context));
        const written = JSON.stringify(serialiseApp(app));
        const again = accepted(readApp(JSON.parse(written), context));
        expect(sameJson(again, app)).toBe(true);
        expect(JSON.parse(JSON.stringify(serialiseApp(again)))).toEqual(JSON.parse(written));
      }),
    );
  });

  it('is not changed by an update that says nothing, nor by one that says it all again', () => {
    fc.assert(
      fc.property(bodies, (body) => {
        const app = accepted(readApp(body, context));
        const there: ReadContext = { ...context, root: makeRoot(app) };
        const mode = { partial: true, create: true };
        expect(accepted(updateApp('/g/app', {}, mode, there, () => undefined))).toEqual(app);
        const { version: _v, versionInfo: _i, ...all } = serialiseApp(app);
        const update = accepted(readAppUpdate(JSON.parse(JSON.stringify(all)), '/g/app', there));
        expect(accepted(updateApp('/g/app', update, mode, there, () => undefined))).toEqual(app);
        expect(accepted(updateApp('/g/app', update, { ...mode, partial: false }, there, () => undefined))).toEqual(app);
      }),
    );
  });
});

describe('any body', () => {
  const json = optional(fc.jsonValue({ maxDepth: 4 }));
  const almost = fc
    .tuple(
      bodies,
      fc.constantFrom(
        'id',
        'cmd',
        'container',
        'networks',
        'env',
        'constraints',
        'healthChecks',
        'unreachableStrategy',
      ),
      json,
    )
    .map(([body, name, value]) => ({ ...body, [name]: value }));

  it('is taken or refused, never thrown at', () => {
    fc.assert(
      fc.property(fc.oneof(json, almost), (body) => {
        for (const result of [
          readApp(body, context),
          readAppUpdate(body, '/g/app', context),
          checkApp(body),
          checkAppUpdate(body),
          checkGroupUpdate(body),
        ])
          if (!result.ok) expect([400, 422]).toContain(result.problem.status);
      }),
    );
  });

  it('is JSON or refused', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const result = parseJson(text);
        if (!result.ok) expect(result.problem.status).toBe(400);
      }),
    );
  });
});
