import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAll } from './harness.ts';

/** The definitions that Marathon's documentation describes, as they are in test/fixtures, on a running server. */
interface Fixture {
  about: string;
  config?: { features?: string[] };
  app: { id: string } & Record<string, unknown>;
  normalised?: Record<string, unknown>;
}

const folder = join(import.meta.dirname, '../../fixtures/marathon/valid');
const fixtures = readdirSync(folder)
  .sort()
  .map((file): [string, Fixture] => [file, JSON.parse(readFileSync(join(folder, file), 'utf8')) as Fixture])
  // Those for a server with other options than this one's are normalised in the unit tests alone.
  .filter(([, { config }]) => Object.keys(config ?? {}).every((name) => name === 'features'));

let all: Awaited<ReturnType<typeof startAll>>;
beforeAll(async () => {
  all = await startAll({ enable_features: 'secrets,gpu_resources,external_volumes,vips' });
});
afterAll(() => all.close());

/** Whether it needs what the agents of the test have none of: GPUs, volumes, ports of its choice. */
function isUnplaceable(app: Record<string, unknown>): boolean {
  const names = ['gpus', 'requirePorts', 'residency'];
  return names.some((name) => app[name]) || /"hostPort":[1-9]/.test(JSON.stringify(app));
}

describe('a definition of test/fixtures/marathon/valid', () => {
  for (const [file, { about, app, normalised }] of fixtures)
    test(`${file} is accepted, launched and normalised`, async () => {
      const { marathon, master } = all;
      const created = await marathon.call('POST', '/v2/apps', { ...app, instances: 0 });
      expect({ about, status: created.status, text: created.text }).toMatchObject({ status: 201 });
      for (const [name, value] of Object.entries(normalised ?? {}))
        if (name !== 'instances') expect({ [name]: created.json[name] ?? null }).toEqual({ [name]: value });
      if (isUnplaceable(created.json)) return;

      const id = String(created.json.id);
      await marathon.call('DELETE', `/v2/apps${id}`);
      const modest = { cpus: 0.01, mem: 1, disk: 0, instances: 1, resourceLimits: undefined };
      const elsewhere = { constraints: [], dependencies: [], healthChecks: [], readinessChecks: [] };
      const run = await marathon.call('POST', '/v2/apps', { ...app, ...modest, ...elsewhere });
      expect({ about, status: run.status, text: run.text }).toMatchObject({ status: 201 });
      await master.until(() => master.running(id).length === 1);
      const removed = await marathon.call<{ deploymentId: string }>('DELETE', `/v2/apps${id}`);
      await marathon.deployed(removed.json.deploymentId);
    });
});
