import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ModelConfig } from '../../../src/embedded/marathon/model/config.ts';
import { serialiseApp } from '../../../src/embedded/marathon/model/normalize.ts';
import { readApp } from '../../../src/embedded/marathon/model/update.ts';
import { accepted, config, makeRoot, problemOf, t0 } from './make.ts';

interface Fixture {
  about: string;
  config?: Partial<Omit<ModelConfig, 'features'>> & { features?: string[] };
  app: unknown;
  /** Of a valid definition: fields of what is made of it, `null` for those that are absent. */
  normalised?: Record<string, unknown>;
  /** Of an invalid one. */
  status?: number;
  body?: unknown;
}

const folder = join(import.meta.dirname, '../../fixtures/marathon');

function fixtures(kind: string): [string, Fixture][] {
  return readdirSync(join(folder, kind))
    .sort()
    .map((file) => [file, JSON.parse(readFileSync(join(folder, kind, file), 'utf8')) as Fixture]);
}

const contextOf = ({ config: changed }: Fixture) => ({
  config: { ...config, ...changed, features: new Set(changed?.features) } satisfies ModelConfig,
  root: makeRoot(),
  now: t0,
});

describe('valid app definitions', () => {
  it.each(fixtures('valid'))('%s', (_, fixture) => {
    const app = accepted(readApp(fixture.app, contextOf(fixture)));
    const json: Record<string, unknown> = { ...serialiseApp(app) };
    const shown = Object.fromEntries(Object.keys(fixture.normalised ?? {}).map((name) => [name, json[name] ?? null]));
    expect(shown, fixture.about).toEqual(fixture.normalised);
  });

  it.each(fixtures('valid'))('%s is the same when it is read again from what the API writes', (_, fixture) => {
    const app = accepted(readApp(fixture.app, contextOf(fixture)));
    const written: unknown = JSON.parse(JSON.stringify(serialiseApp(app)));
    expect(accepted(readApp(written, contextOf(fixture)))).toEqual(app);
  });
});

describe('invalid app definitions', () => {
  it.each(fixtures('invalid'))('%s', (_, fixture) => {
    const { status, body } = problemOf(readApp(fixture.app, contextOf(fixture)));
    expect({ status, body }, fixture.about).toEqual({ status: fixture.status, body: fixture.body });
  });
});
