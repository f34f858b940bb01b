import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { appsOfGroup, refuseImages, toDefinitions } from '../../../src/apps/definition.ts';
import { readDefinitionFiles } from '../../../src/apps/definition-files.ts';
import type { Json } from '../../../src/apps/template.ts';

const readDefinitions = async (paths: string[]) =>
  (await readDefinitionFiles(paths)).map(({ path, document }) => toDefinitions(path, document));

describe('app definitions in files', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'definitions-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('reads an app, a list of apps and a group, in JSON and YAML', async () => {
    await writeFile(join(folder, 'a.json'), '{"id":"a","cmd":"true"}');
    await writeFile(join(folder, 'b.yml'), '- id: /b\n  cmd: "true"\n- id: /c\n  cmd: "{{x}}"\n');
    await writeFile(join(folder, 'g.json'), '{"id":"/g","apps":[{"id":"one"}]}');
    await writeFile(join(folder, 'notes.txt'), 'not read');
    const read = await readDefinitions([folder]);
    expect(read.map(({ apps, groups }) => [...apps, ...groups].map(({ id }) => id))).toEqual([
      ['/a'],
      ['/b', '/c'],
      ['/g'],
    ]);
    expect(read[1]?.apps[1]).toEqual({ id: '/c', cmd: '{{x}}' });
  });

  it.each([
    [
      'no JSON, with the line',
      'x.json',
      '{\n  "id": "/a",\n  oops\n}',
      /x\.json is not JSON, line 3, column 3: .*\n> 3 \| {3}oops\n/s,
    ],
    ['no object', 'x.json', '"text"', /is no app definition/],
    ['no id', 'x.json', '{"cmd":"true"}', /an object with an "id" is expected/],
    ['an entry without id', 'x.json', '[{"id":"/a"},{}]', /entry 2/],
  ])('refuses a file that holds %s', async (_what, name, content, message) => {
    await writeFile(join(folder, name), content);
    await expect(readDefinitions([join(folder, name)])).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(message),
    });
  });

  it('shows the lines around a mistake in YAML', async () => {
    await writeFile(join(folder, 'x.yml'), 'id: /a\ncmd: "never closed\n');
    const [line] = await readDefinitions([join(folder, 'x.yml')]).then(
      () => [],
      (error: Error) => [error.message],
    );
    expect(line).toMatch(/x\.yml is not YAML, line \d/);
    expect(line).toContain('| cmd: "never closed');
  });

  it("takes a project's marathon.json only, and not all that lies around it", async () => {
    await writeFile(join(folder, 'marathon.json'), '{"id":"/project"}');
    await writeFile(join(folder, 'package.json'), '{"name":"project"}');
    expect((await readDefinitions([folder])).flatMap(({ apps }) => apps)).toEqual([{ id: '/project' }]);
  });

  it('says when there is no such file', async () => {
    await expect(readDefinitions([join(folder, 'none.json')])).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringContaining('there is no such file'),
    });
  });
});

describe('groups and images', () => {
  const group = {
    id: '/shop',
    apps: [{ id: 'web' }],
    groups: [{ id: 'back', apps: [{ id: 'api', container: { docker: { image: 'api:1' } } }] }],
  };

  it('finds the apps of nested groups with absolute ids', () => {
    expect(appsOfGroup(group).map(({ id }) => id)).toEqual(['/shop/web', '/shop/back/api']);
  });

  it('refuses Docker-image apps where tasks are processes, naming them and the way out', () => {
    expect(() => refuseImages([toDefinitions('f', group)])).toThrowError(
      expect.objectContaining({
        kind: 'missing',
        message: expect.stringContaining('/shop/back/api (api:1)'),
        hint: expect.stringContaining('--runtime docker'),
      }),
    );
    expect(() => refuseImages([toDefinitions('f', { id: '/a', cmd: 'true' })])).not.toThrow();
  });

  it('refuses pods with images too, with a way out that pods have', () => {
    const pod = (container: Record<string, Json>) =>
      toDefinitions('f', {
        id: '/shop',
        groups: [{ id: 'back', pods: [{ id: 'pair', containers: [{}, container] }] }],
      });
    expect(() => refuseImages([pod({ image: { kind: 'DOCKER', id: 'api:1' } })])).toThrowError(
      expect.objectContaining({
        message: expect.stringContaining('/shop/back/pair (api:1)'),
        hint: expect.stringContaining('Take the image out of the pod'),
      }),
    );
    expect(() => refuseImages([pod({ exec: { command: { shell: 'true' } } })])).not.toThrow();
  });

  it('takes what holds nothing but pods for a group', () => {
    expect(toDefinitions('f', { id: 'shop', pods: [] })).toMatchObject({ apps: [], groups: [{ id: '/shop' }] });
  });
});
