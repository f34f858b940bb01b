import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { defaults } from '../../../src/config/defaults.ts';
import { defaultClusterName } from '../../../src/config/names.ts';
import { jsonSchema } from '../../../src/config/schema.ts';

describe('schema/devcluster.schema.json', () => {
  it('is what `npm run schema` writes now', async () => {
    const file = new URL('../../../schema/devcluster.schema.json', import.meta.url);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(jsonSchema())));
  });

  it('quotes the defaults', () => {
    const { properties } = jsonSchema() as { properties: Record<string, { default?: unknown; description?: string }> };
    expect(properties.nodes?.default).toBe(defaults.nodes);
    expect(properties.timing?.default).toBe(defaults.timing);
    expect(Object.values(properties).every(({ description }) => description)).toBe(true);
  });
});

describe('the name of a cluster that nobody gave one', () => {
  it.each([
    ['ann', 'dev-ann'],
    ['Ann.Lee', 'dev-ann-lee'],
    ['ünï', 'dev-n'],
    ['', 'dev-user'],
    ['a-very-long-name-of-a-user-account', 'dev-a-very-long-name-of-a-user-'],
  ])('of %s is %s', (user, name) => {
    expect(defaultClusterName(user)).toBe(name);
  });
});
