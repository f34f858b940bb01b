import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { explainPull } from '../../../src/runtime/docker/images/explain.ts';

/** What engines said of registries that behaved so, by the engine's version; status 200 is an error in the stream. */
type Recorded = Record<string, Record<string, { status: number; message: string }>>;
const recorded = JSON.parse(
  readFileSync(new URL('../../fixtures/docker/pull-errors.json', import.meta.url), 'utf8'),
) as Recorded;

const codes: Record<string, string> = {
  limits: 'RATE_LIMITED',
  'limits layers': 'RATE_LIMITED',
  foreign: 'WRONG_PLATFORM',
  'other platform': 'WRONG_PLATFORM',
  'schema 1': 'IMAGE_TOO_OLD',
  corrupts: 'PULL_FAILED',
  'no such tag': 'NO_SUCH_IMAGE',
  'no such name': 'NO_SUCH_IMAGE',
  'no login': 'REGISTRY_UNAUTHORIZED',
  'wrong login': 'REGISTRY_UNAUTHORIZED',
  'nobody listens': 'REGISTRY_UNREACHABLE',
  'no such host': 'REGISTRY_UNREACHABLE',
  'breaks off': 'REGISTRY_UNREACHABLE',
  'plain http': 'REGISTRY_INSECURE',
  'bad reference': 'BAD_IMAGE_REFERENCE',
  fails: 'REGISTRY_UNREACHABLE',
};

describe('what engines say of a pull that failed', () => {
  it.each(
    Object.entries(recorded).flatMap(([kind, answers]) =>
      Object.entries(answers).map(([version, { message }]) => [kind, version, message] as const),
    ),
  )('%s, by engine %s, is understood', (kind, _, message) => {
    const error = explainPull(message, { reference: 'registry:5000/t/x:1', fallbacks: [], loggedIn: false });
    expect(error.code).toBe(codes[kind]);
    expect(error.hint).toBeTruthy();
  });
});
