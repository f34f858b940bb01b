import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const scripts = new URL('../../../scripts/', import.meta.url);
const { readImagesFile }: { readImagesFile: (path: string) => { references?: unknown; mistakes: string[] } } =
  await import(new URL('images-file.mjs', scripts).href);

/** What somebody sees who gives a file that can't be used; nothing is started then. */
describe('npm run test:real -- --images FILE', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'devcluster-images-file-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.for([
    ['nothing.yml', undefined, ['there is no such file']],
    ['.', undefined, ['it is a folder']],
    ['broken.yml', 'zookeeper: [1', ['line 1']],
    ['empty.yml', '# nothing yet\n', ['it is empty, and should name an image for at least one of zookeeper']],
    ['only-upgrade.yml', 'upgrade: {}', ['it names no image']],
    ['list.yml', '- zookeeper:3.9', ['it should be a mapping of components to images']],
    ['unknown.yml', 'zokeeper: zookeeper:3.9', ["there is no component 'zokeeper'"]],
    ['number.yml', 'zookeeper: 3.9', ["zookeeper should be an image, like 'registry/name:tag', not 3.9"]],
    ['cli.yml', 'zookeeper: a:1\ndocker-cli: 28', ["docker-cli should be an image, like 'docker:28-cli', not 28"]],
    ['half.yml', 'mesos-master: mesos:1', ['mesos-master and mesos-agent are a pair']],
    ['alone.yml', 'marathon: marathon:1', ['a real marathon needs a real mesos-master']],
    [
      'upgrade.yml',
      'zookeeper: a:1\nupgrade: { zookeeper: [], mesos-dns: b:1 }',
      ['under upgrade: zookeeper should be an image', 'under upgrade: mesos-dns has no image above'],
    ],
  ] as const)('%s is refused with what is wrong', async ([name, text, reasons]) => {
    const path = join(folder, name);
    if (text !== undefined) await writeFile(path, text);
    const { references, mistakes } = readImagesFile(path);
    expect(references).toBeUndefined();
    expect(mistakes).toHaveLength(reasons.length);
    for (const [i, reason] of reasons.entries()) expect(mistakes[i]).toContain(reason);
  });

  it('takes images for some components, and others to upgrade to', async () => {
    const path = join(folder, 'good.yml');
    const images = { zookeeper: 'real/zookeeper:3.9.3', upgrade: { zookeeper: 'zookeeper:3.9' } };
    await writeFile(path, JSON.stringify(images));
    expect(readImagesFile(path)).toEqual({ references: images, mistakes: [] });
  });

  it('ends before anything is started, and says what to do', async () => {
    const script = fileURLToPath(new URL('test-real.mjs', scripts));
    const [code, said] = await new Promise<[unknown, string]>((resolve) => {
      execFile(process.execPath, [script, '--images', 'nothing.yml'], (error, _, stderr) =>
        resolve([error?.code, stderr]),
      );
    });
    expect(code).toBe(2);
    expect(said).toBe(
      "nothing.yml can't be used:\n  there is no such file\nMend it and try again; docs/real-engine.md shows one.\n",
    );
  });
});
