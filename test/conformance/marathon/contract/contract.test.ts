import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { apps, groups, others } from './api.ts';
import { defaults, legacy, rules } from './definitions.ts';
import { deployments } from './deployments.ts';
import { events } from './events.ts';
import { type Area, startWorld, type World } from './fact.ts';
import { errors, http, system } from './http.ts';
import { instances } from './instances.ts';
import { leadership } from './leadership.ts';
import { podsAndData } from './pods.ts';
import { tableOf } from './table.ts';

const areas: Area[] = [
  http,
  errors,
  system,
  apps,
  groups,
  others,
  defaults,
  legacy,
  rules,
  deployments,
  instances,
  podsAndData,
  events,
  leadership,
];

let world: World;
beforeAll(async () => {
  world = await startWorld();
  for (const app of [
    {
      id: '/shop/web',
      cmd: 'serve --port $PORT0',
      instances: 2,
      labels: { tier: 'web', env: 'prod' },
      portDefinitions: [{ port: 0, name: 'http' }],
    },
    { id: '/shop/db', cmd: undefined, args: ['run', 'db'], labels: { tier: 'db' } },
    { id: '/idle', cmd: 'sleep 1', instances: 0 },
  ])
    await world.run(app);
});
afterEach(() => world.tidy());
afterAll(() => world.close());

for (const { title, facts } of areas)
  describe(title, () => {
    for (const each of facts) {
      if ('run' in each) test(each.fact, () => each.run(world));
      if ('path' in each)
        test(each.fact, async () => {
          const { method = 'GET', path, body, headers, status, answer, check } = each;
          const got = await world.ask(method, path, body, status, headers);
          if (answer !== undefined) expect(got.json).toMatchObject(answer as object);
          check?.(got, world);
        });
    }
  });

const root = join(import.meta.dirname, '../../../..');

describe('the table in docs/marathon.md', () => {
  test('names tests that exist', () => {
    const missing = areas
      .flatMap(({ facts }) => facts)
      .filter((each) => 'file' in each)
      .filter(({ file, title }) => !readFileSync(join(root, 'test', file), 'utf8').includes(title))
      .map(({ file, title }) => `${file}: ${title}`);
    expect(missing).toEqual([]);
  });

  test('has every fact once', () => {
    for (const { title, facts } of areas) {
      const texts = facts.map(({ fact }) => fact);
      expect([title, texts.filter((text, index) => texts.indexOf(text) !== index)]).toEqual([title, []]);
    }
  });

  test('is current: after a change, run this file with vitest’s --update', async () => {
    const file = join(root, 'docs/marathon.md');
    const marker = '<!-- The rest of this page is written by test/conformance/marathon/contract. -->\n';
    const [page = ''] = readFileSync(file, 'utf8').split(marker);
    await expect(`${page}${marker}${tableOf(areas)}`).toMatchFileSnapshot(file);
  });
});
