import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { storeConfiguredSecrets, withoutLastNewline } from '../../../src/apps/configured-secrets.ts';
import { parseDotenv } from '../../../src/apps/dotenv.ts';
import { referenceSecrets } from '../../../src/apps/secret-references.ts';
import { createSecretStore } from '../../../src/apps/secret-store.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'secrets-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('the store', () => {
  it('keeps each secret in a file that only its owner can read', async () => {
    const secrets = join(folder, 'secrets');
    const store = createSecretStore(secrets);
    expect(await store.list()).toEqual([]);
    await store.set('DB_PASSWORD', 'one');
    await store.set('DB_PASSWORD', 'two');
    await store.set('key.pem', Buffer.from([0, 255]));
    expect((await store.read('DB_PASSWORD')).toString()).toBe('two');
    expect((await store.list()).map(({ name }) => name)).toEqual(['DB_PASSWORD', 'key.pem']);
    expect((await stat(secrets)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(secrets)) expect((await stat(join(secrets, name))).mode & 0o777).toBe(0o600);
    expect(await store.remove('key.pem')).toBe(true);
    expect(await store.remove('key.pem')).toBe(false);
    await expect(store.read('key.pem')).rejects.toMatchObject({ code: 'NO_SUCH_SECRET' });
  });

  it.each(['..', '../x', 'a/b', '', '.hidden', 'a b'])(
    "takes no '%s' for a name, and doesn't repeat it",
    async (name) => {
      const error = await createSecretStore(folder)
        .set(name, 'x')
        .catch((thrown: unknown) => thrown as Error);
      expect(error).toMatchObject({ kind: 'usage', message: 'That is no name of a secret' });
    },
  );

  it('is filled from what the configuration names, and says what is missing', async () => {
    await writeFile(join(folder, 'password'), 'from a file\n');
    const store = createSecretStore(join(folder, 'secrets'));
    const { changed, problems } = await storeConfiguredSecrets(
      store,
      { a: { file: 'password' }, b: { env: 'B' }, c: { env: 'C' }, d: { file: 'none' } },
      { env: { B: 'from a variable' }, folder },
    );
    expect((await store.read('a')).toString()).toBe('from a file');
    expect((await store.read('b')).toString()).toBe('from a variable');
    expect(changed).toEqual(['a', 'b']);
    expect(problems).toEqual([
      "the secret 'c' can't be read: the variable C is not set",
      "the secret 'd' can't be read: none: there is no such file",
    ]);
  });

  it('drops one newline at the end, which nobody means', () => {
    const drop = (text: string) => withoutLastNewline(Buffer.from(text)).toString();
    expect([drop('a\n'), drop('a\r\n'), drop('a\n\n'), drop('a'), drop('')]).toEqual(['a', 'a', 'a\n', 'a', '']);
  });
});

describe('a .env file', () => {
  it('has assignments, quotes and comments', () => {
    const text = `# a comment
A=plain value # said
export B='as $it is \\n'
C="two\\nlines \\"quoted\\""
D="over
lines"
E=
F=a#b
`;
    expect(Object.fromEntries(parseDotenv(text, '.env'))).toEqual({
      A: 'plain value',
      B: 'as $it is \\n',
      C: 'two\nlines "quoted"',
      D: 'over\nlines',
      E: '',
      F: 'a#b',
    });
  });

  it.each([
    ['A=1\nnot an assignment', '.env:2: the line is no NAME=value'],
    ['A="hidden', '.env:1: the line has no closing "'],
    ["A='x' hidden", ".env:1: the line goes on behind the closing '"],
  ])('names the line of a mistake and never its content', (text, message) => {
    expect(() => parseDotenv(text, '.env')).toThrowError(message);
  });

  it('gives back any value that is quoted, and never crashes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        fc.pre(!/[\r\n]/.test(value));
        const quoted = value.replace(/[\\"]/g, (char) => `\\${char}`);
        expect(parseDotenv(`A="${quoted}"`, 'f').get('A')).toBe(value);
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseDotenv(text, 'f');
        } catch (error) {
          expect(error).toMatchObject({ code: 'NOT_DOTENV' });
        }
      }),
    );
  });
});

describe('references', () => {
  it('stand for a value of env and for a file, and complete the section of secrets', () => {
    const app = {
      id: '/a',
      env: { PASSWORD: '{{secret.DB_PASSWORD}}', OTHER: '{{env.X}}' },
      container: { type: 'MESOS', volumes: [{ containerPath: 'keys/tls', secret: '{{ secret.[tls.key] }}' }] },
    };
    const { document, names } = referenceSecrets(app, 'a.json');
    expect(document).toEqual({
      id: '/a',
      env: { PASSWORD: { secret: 'DB_PASSWORD' }, OTHER: '{{env.X}}' },
      container: { type: 'MESOS', volumes: [{ containerPath: 'keys/tls', secret: 'tls.key' }] },
      secrets: { DB_PASSWORD: { source: 'DB_PASSWORD' }, 'tls.key': { source: 'tls.key' } },
    });
    expect([...names]).toEqual([
      ['DB_PASSWORD', '/env/PASSWORD'],
      ['tls.key', '/container/volumes/0/secret'],
    ]);
  });

  it('are found in groups, and a section that is there is kept', () => {
    const group = {
      id: '/g',
      groups: [
        {
          id: 'x',
          apps: [{ id: 'a', env: { P: '{{secret.P}}', Q: { secret: 'q' } }, secrets: { q: { source: 'db/q' } } }],
        },
      ],
    };
    const { document, names } = referenceSecrets(group, 'g.json');
    expect(document).toMatchObject({
      groups: [{ apps: [{ env: { P: { secret: 'P' } }, secrets: { P: { source: 'P' }, q: { source: 'db/q' } } }] }],
    });
    expect([...names.keys()].sort()).toEqual(['P', 'db/q']);
  });

  it.each([
    [{ id: '/a', cmd: 'run --password {{secret.P}}' }, '/cmd'],
    [{ id: '/a', labels: { x: '{{secret.P}}' } }, '/labels/x'],
    [{ id: '/a', env: { URL: 'http://me:{{secret.P}}@host' } }, '/env/URL'],
  ])('have no other place', (app, place) => {
    expect(() => referenceSecrets(app, 'a.json')).toThrowError(
      expect.objectContaining({ code: 'SECRET_MISPLACED', message: expect.stringContaining(`a.json, at ${place}`) }),
    );
  });
});
