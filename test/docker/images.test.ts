import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ensureImages } from '../../src/runtime/docker/images/ensure.ts';
import { pruneImages } from '../../src/runtime/docker/images/prune.ts';
import { pullImage } from '../../src/runtime/docker/images/pull.ts';
import type { PullPolicy } from '../../src/runtime/types.ts';
import type { DevclusterError } from '../../src/support/errors.ts';
import { type Progress, silentProgress } from '../../src/support/progress.ts';
import { bin, createWorkplace, type Workplace } from '../integration/devcluster.ts';
import { skipped } from '../support/skipped.ts';
import { noTerminal, openTerminal } from '../support/terminal.ts';
import { type Behaviour, type FakeRegistry, startFakeRegistry } from './fake-registry.ts';
import { engineAnswers } from './test-engine.ts';

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const none = skipped(await engineAnswers(), 'pulling images', 'no Docker engine answers');

describe.skipIf(none)('images of real programs', () => {
  const docker = new Docker();
  let registry: FakeRegistry;
  let guarded: FakeRegistry;
  let folder: string;
  const unique = `t${process.pid}`;

  beforeAll(async () => {
    [registry, guarded] = await Promise.all([startFakeRegistry(), startFakeRegistry({ login: 'me:pass:word' })]);
  });
  afterAll(async () => {
    await registry?.close();
    await guarded?.close();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'devcluster-images-test-'));
  });
  afterEach(async () => {
    const left = await docker.listImages({ filters: { label: ['devcluster.test=fake-registry'] } });
    const ours = [registry.host, guarded.host, `${unique}/`];
    for (const { RepoTags, RepoDigests } of left)
      for (const name of [...(RepoTags ?? []), ...(RepoDigests ?? [])])
        if (ours.some((start) => name.startsWith(start)))
          await docker
            .getImage(name)
            .remove()
            .catch(() => {});
    await rm(folder, { recursive: true, force: true });
  });

  const ensure = (
    references: readonly string[],
    options: {
      policy?: PullPolicy;
      update?: boolean;
      env?: Record<string, string>;
      progress?: Progress;
      platform?: string;
    } = {},
  ) =>
    ensureImages(docker, {
      images: references.map((reference) => ({ reference, platforms: [], fallbacks: ['other/name:1'] })),
      policy: options.policy ?? 'missing',
      pinsFile: join(folder, 'devcluster.lock'),
      update: options.update ?? false,
      progress: options.progress ?? silentProgress,
      ...(options.platform === undefined ? {} : { platform: options.platform }),
      signal: new AbortController().signal,
      env: { HOME: folder, ...options.env },
    });
  const failure = async (reference: string, env: Record<string, string> = {}): Promise<DevclusterError> =>
    ensure([reference], { env }).then(
      () => {
        throw new Error(`${reference} was pulled`);
      },
      (error: DevclusterError) => error,
    );
  const pins = async () => JSON.parse(await readFile(join(folder, 'devcluster.lock'), 'utf8')).images;

  it('are pulled where they are missing, and what they are is pinned', async () => {
    const digest = await registry.put(`${unique}/one`, '1', 'one');
    await registry.put(`${unique}/two`, '1', 'two');
    const references = [`${registry.host}/${unique}/one:1`, `${registry.host}/${unique}/two:1`];
    const shown: string[] = [];
    const progress: Progress = {
      ...silentProgress,
      steps: (titles) =>
        titles.map((title) => ({
          update() {},
          done: (text) => shown.push(`${title}: ${text}`),
          fail() {},
        })),
    };
    const first = await ensure(references, { progress });
    expect(first).toMatchObject([{ reference: references[0], pulled: true, digest }, { pulled: true }]);
    expect(shown.sort()).toEqual(references.map((reference) => expect.stringContaining(`Pulling ${reference}: `)));
    expect(await pins()).toMatchObject({ [references[0]!]: digest });
    const before = registry.asked.length;
    expect(await ensure(references)).toMatchObject([{ pulled: false, digest }, { pulled: false }]);
    expect(registry.asked).toHaveLength(before);
  });

  it('stay what they were pinned as when their tag moves on, until an update is asked for', async () => {
    const reference = `${registry.host}/${unique}/moving:1`;
    const old = await registry.put(`${unique}/moving`, '1', 'old');
    await ensure([reference]);
    await docker.getImage(reference).remove();
    const fresh = await registry.put(`${unique}/moving`, '1', 'new');
    expect(fresh).not.toBe(old);
    expect(await ensure([reference])).toMatchObject([{ pulled: true, digest: old }]);
    expect(await ensure([reference], { policy: 'always' })).toMatchObject([{ digest: old }]);
    expect(await ensure([reference], { policy: 'always', update: true })).toMatchObject([{ digest: fresh }]);
    expect(await pins()).toEqual({ [reference]: fresh });
  });

  it('are another content than the one that was pinned, so they are pulled again', async () => {
    const reference = `${registry.host}/${unique}/team:1`;
    const mine = await registry.put(`${unique}/team`, '1', 'mine');
    await ensure([reference]);
    const theirs = await registry.put(`${unique}/team`, '1', 'theirs');
    await writeFile(join(folder, 'devcluster.lock'), JSON.stringify({ version: 1, images: { [reference]: theirs } }));
    expect(mine).not.toBe(theirs);
    expect(await ensure([reference])).toMatchObject([{ pulled: true, digest: theirs }]);
  });

  it('are not pulled when nothing may be', async () => {
    const reference = `${registry.host}/${unique}/never:1`;
    await expect(ensure([reference], { policy: 'never' })).rejects.toMatchObject({
      code: 'IMAGES_MISSING',
      kind: 'missing',
      details: { missing: [reference] },
    });
  });

  it('are refused with the way out when the registry gives no more', async () => {
    await registry.put(`${unique}/limited`, '1', 'x', { kind: 'limits' });
    const error = await failure(`${registry.host}/${unique}/limited:1`);
    expect(error).toMatchObject({ code: 'RATE_LIMITED', kind: 'missing' });
    expect(error.hint).toContain('images.registry');
  });

  it('are refused alike when it says so in the middle of a pull, and pulled when it has more again', async () => {
    const behaviour: Behaviour = { kind: 'limits', of: 'layers', retryAfter: 3600 };
    await registry.put(`${unique}/limited-later`, '1', 'x', behaviour);
    const reference = `${registry.host}/${unique}/limited-later:1`;
    expect(await failure(reference)).toMatchObject({ code: 'RATE_LIMITED' });
    registry.behave(`${unique}/limited-later`, { kind: 'serves' });
    expect(await ensure([reference])).toMatchObject([{ pulled: true }]);
  });

  it('are pulled from a registry that is in trouble for a moment', async () => {
    await registry.put(`${unique}/moody`, '1', 'x', { kind: 'fails', times: 1 });
    expect(await ensure([`${registry.host}/${unique}/moody:1`])).toMatchObject([{ pulled: true }]);
  });

  it('are fetched on from where the connection broke off', async () => {
    await registry.put(`${unique}/broken-off`, '1', 'x', { kind: 'breaks off', times: 1 }, { layers: [400_000] });
    const shown: string[] = [];
    const step = { update: (text: string) => void shown.push(text), done() {}, fail() {} };
    const progress: Progress = { ...silentProgress, steps: (titles) => titles.map(() => step) };
    expect(await ensure([`${registry.host}/${unique}/broken-off:1`], { progress })).toMatchObject([{ pulled: true }]);
    // Some engines wait before they do, and say so.
    const parts = registry.sent.filter(({ name }) => name === `${unique}/broken-off`);
    expect(parts.some(({ from }) => from > 0)).toBe(true);
    expect(shown.at(-1)).toMatch(/^2 of 2 layers/);
  });

  it('are refused when the registry takes the question and never answers', async () => {
    await registry.put(`${unique}/silent`, '1', 'x', { kind: 'is silent' });
    const pull = pullImage(docker, {
      reference: `${registry.host}/${unique}/silent:1`,
      fallbacks: [],
      onProgress() {},
      signal: new AbortController().signal,
      retryDelayMs: 1,
      silenceMs: 50,
    });
    await expect(pull).rejects.toMatchObject({ code: 'REGISTRY_UNREACHABLE', kind: 'missing' });
  });

  it('are refused when the engine does not trust the registry', async () => {
    const address = Object.values(networkInterfaces())
      .flatMap((each) => each ?? [])
      .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
    // Those at loopback addresses are trusted in any case.
    if (address === undefined || !hasOpenssl()) return;
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const subject = ['-subj', `/CN=${address}`, '-addext', `subjectAltName=IP:${address}`];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    execFileSync('openssl', ['req', '-x509', ...kind, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    const tls = { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') };
    const strange = await startFakeRegistry({ address, tls });
    try {
      await strange.put(`${unique}/tls`, '1', 'x');
      const error = await failure(`${strange.host}/${unique}/tls:1`);
      expect(error).toMatchObject({ code: 'REGISTRY_TLS', kind: 'missing' });
      expect(error.hint).toContain('certs.d');
    } finally {
      await strange.close();
    }
  });

  it('are gone from the registry though they are pinned, until an update is asked for', async () => {
    const reference = `${registry.host}/${unique}/removed:1`;
    const fresh = await registry.put(`${unique}/removed`, '1', 'what came instead');
    const gone = `sha256:${'0123456789abcdef'.repeat(4)}`;
    await writeFile(join(folder, 'devcluster.lock'), JSON.stringify({ version: 1, images: { [reference]: gone } }));
    const error = await failure(reference);
    expect(error).toMatchObject({ code: 'NO_SUCH_IMAGE', message: expect.stringContaining('devcluster.lock') });
    expect(error.hint).toContain('images pull --update');
    expect(await ensure([reference], { policy: 'always', update: true })).toMatchObject([{ digest: fresh }]);
    expect(await pins()).toEqual({ [reference]: fresh });
  });

  it('are pinned in a file that can be read', async () => {
    const file = join(folder, 'devcluster.lock');
    const cases: [string, string][] = [
      ['<<<<<<< HEAD', "can't be used"],
      ['{"images":{}}', 'no lock file'],
      ['{"version":1,"images":{"x:1":"latest"}}', "'x:1' is no digest"],
      ['{"version":2,"images":{}}', 'newer devcluster'],
    ];
    for (const [content, said] of cases) {
      await writeFile(file, content);
      const error = await failure(`${registry.host}/${unique}/unread:1`);
      expect(error).toMatchObject({ code: 'LOCK_FILE_INVALID', kind: 'usage', message: expect.stringContaining(said) });
      expect(await readFile(file, 'utf8')).toBe(content);
    }
  });

  it('are refused when there is no such tag, with names that may do', async () => {
    await registry.put(`${unique}/tagged`, '1', 'x');
    const error = await failure(`${registry.host}/${unique}/tagged:2`);
    expect(error).toMatchObject({ code: 'NO_SUCH_IMAGE', kind: 'missing' });
    expect(error.hint).toContain('other/name:1');
  });

  it('are refused when they are for other machines', async () => {
    await registry.put(`${unique}/foreign`, '1', 'x', { kind: 'foreign' });
    expect(await failure(`${registry.host}/${unique}/foreign:1`)).toMatchObject({ code: 'WRONG_PLATFORM' });
  });

  it('are told to be for other machines, where the engine takes them without a word', async () => {
    const reference = `${registry.host}/${unique}/arm:1`;
    const architecture = process.arch === 'arm64' ? 'amd64' : 'arm64';
    await registry.put(`${unique}/arm`, '1', 'x', { kind: 'serves' }, { architecture });
    const warnings: string[] = [];
    const progress: Progress = { ...silentProgress, warn: (text) => void warnings.push(text) };
    expect(await ensure([reference], { progress })).toMatchObject([{ platform: `linux/${architecture}` }]);
    expect(warnings).toEqual([expect.stringContaining(`is for linux/${architecture}, and the engine's machine is`)]);
    const own = `linux/${process.arch === 'arm64' ? 'arm64' : 'amd64'}`;
    await expect(ensure([reference], { policy: 'always', platform: own })).rejects.toMatchObject({
      code: 'WRONG_PLATFORM',
    });
    const asked = await ensure([reference], { policy: 'always', platform: `linux/${architecture}`, progress });
    expect(asked).toMatchObject([{ platform: `linux/${architecture}` }]);
    expect(warnings).toHaveLength(1);
  });

  it('are refused when a layer is not what it should be, which the engine says in the middle of the pull', async () => {
    await registry.put(`${unique}/broken`, '1', 'a layer that will be another', { kind: 'corrupts' });
    const error = await failure(`${registry.host}/${unique}/broken:1`);
    expect(error).toMatchObject({ code: 'PULL_FAILED', kind: 'missing' });
    expect(error.message).toMatch(/verification failed|digest/);
  });

  it('are refused when nobody answers at the registry', async () => {
    const gone = await startFakeRegistry();
    await gone.close();
    expect(await failure(`${gone.host}/${unique}/gone:1`)).toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
  });

  it('come from a registry that asks who is there, by the login of the docker command', async () => {
    await guarded.put(`${unique}/private`, '1', 'secret');
    const reference = `${guarded.host}/${unique}/private:1`;
    expect(await failure(reference)).toMatchObject({ code: 'REGISTRY_UNAUTHORIZED' });
    const config = join(folder, 'config.json');
    const auth = (login: string) => ({ auths: { [guarded.host]: { auth: Buffer.from(login).toString('base64') } } });
    await writeFile(config, JSON.stringify(auth('me:wrong')));
    const refused = await failure(reference, { DOCKER_CONFIG: folder });
    expect(refused).toMatchObject({ code: 'REGISTRY_UNAUTHORIZED' });
    expect(refused.hint).toContain(`docker login ${guarded.host}`);
    await writeFile(config, JSON.stringify(auth('me:pass:word')));
    expect(await ensure([reference], { env: { DOCKER_CONFIG: folder } })).toMatchObject([{ pulled: true }]);
  });

  it('come from a registry whose login a credential helper keeps', async () => {
    await guarded.put(`${unique}/kept`, '1', 'kept');
    const reference = `${guarded.host}/${unique}/kept:1`;
    await writeFile(join(folder, 'config.json'), JSON.stringify({ credHelpers: { [guarded.host]: 'test' } }));
    const env = { DOCKER_CONFIG: folder, PATH: `${folder}:/usr/bin:/bin` };
    expect(await failure(reference, env)).toMatchObject({ code: 'NO_CREDENTIAL_HELPER' });
    await writeFile(
      join(folder, 'docker-credential-test'),
      `#!/bin/sh\nread -r asked || true\n[ "$1 $asked" = "get ${guarded.host}" ] && echo '{"Username":"me","Secret":"pass:word"}'\n`,
      { mode: 0o755 },
    );
    expect(await ensure([reference], { env })).toMatchObject([{ pulled: true }]);
  });

  it("come by the helper of docker's login for all registries, and by the file where the helper knows nothing", async () => {
    await guarded.put(`${unique}/stored`, '1', 'stored');
    const reference = `${guarded.host}/${unique}/stored:1`;
    const helper = join(folder, 'docker-credential-store');
    const env = { DOCKER_CONFIG: folder, PATH: `${folder}:/usr/bin:/bin` };
    const login = Buffer.from('me:pass:word').toString('base64');
    await writeFile(join(folder, 'config.json'), JSON.stringify({ credsStore: 'store' }));
    await writeFile(helper, '#!/bin/sh\necho credentials not found in native keychain; exit 1\n', { mode: 0o755 });
    expect(await failure(reference, env)).toMatchObject({ code: 'REGISTRY_UNAUTHORIZED' });
    const both = { credsStore: 'store', auths: { [`https://${guarded.host}`]: { auth: login } } };
    await writeFile(join(folder, 'config.json'), JSON.stringify(both));
    expect(await ensure([reference], { env })).toMatchObject([{ pulled: true }]);
  });

  it('of our own making are removed when they are old and nothing runs from them', async () => {
    const label = `devcluster.test.prune=${unique}`;
    const kind = { label: 'devcluster.test.prune', repository: () => `${unique}/app`, keep: 1 };
    const versions = ['a', 'b', 'c', 'd'];
    for (const version of versions) {
      const content = Buffer.from(version);
      await registry.put(`${unique}/prune`, version, content.toString());
      await ensure([`${registry.host}/${unique}/prune:${version}`]);
      // As a build of that version would have it: the same name, labelled.
      const container = await docker.createContainer({ Image: `${registry.host}/${unique}/prune:${version}` });
      await container.commit({ repo: `${unique}/app`, tag: version, changes: `LABEL ${label}` });
      await container.remove();
    }
    const user = await docker.createContainer({ Image: `${unique}/app:a` });
    try {
      const { removed, freed, kept } = await pruneImages(docker, [kind]);
      expect(kept.map(({ reference }) => reference)).toContain(`${unique}/app:a`);
      expect(removed.length + kept.length).toBe(4);
      expect(removed).toHaveLength(kept.length === 2 ? 2 : 3);
      expect(freed).toBe(removed.reduce((sum, { bytes }) => sum + bytes, 0));
    } finally {
      await user.remove();
      for (const version of versions)
        await docker
          .getImage(`${unique}/app:${version}`)
          .remove()
          .catch(() => {});
    }
  });

  describe('by the command', () => {
    let place: Workplace;
    const configure = async (references: readonly string[]) => {
      const [zookeeper, dns = zookeeper] = references;
      const components = {
        zookeeper: { engine: 'mesos', image: zookeeper },
        'mesos-dns': { engine: 'mesos', image: dns },
      };
      await writeFile(join(place.folder, 'devcluster.yml'), JSON.stringify({ engine: 'embedded', components }));
    };
    beforeEach(async () => {
      place = await createWorkplace({ env: { DEVCLUSTER_RUNTIME: 'auto' } });
    });
    afterEach(() => rm(place.folder, { recursive: true, force: true }));

    it('are listed, pulled beside each other and listed as here', async () => {
      const names = ['command-a', 'command-b'].map((name) => `${unique}/${name}`);
      for (const name of names) await registry.put(name, '1', name);
      const references = names.map((name) => `${registry.host}/${name}:1`);
      await configure(references);
      const before = await place.run('images', 'list');
      expect(before.code).toBe(0);
      expect(before.stdout).toMatch(/COMPONENT +IMAGE +HERE +PINNED/);
      for (const reference of references) expect(before.stdout).toMatch(new RegExp(`${reference} +no +–`));
      const { code, stdout, stderr } = await place.run('images', 'pull');
      expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('2 of 2 images were pulled') });
      for (const reference of references) expect(stderr).toContain(`✔ Pulling ${reference}`);
      const after = await place.json<{ images: { here: boolean; digest: string; pinned: string }[] }>('images', 'list');
      for (const { here, digest, pinned } of after.images) expect([here, pinned]).toEqual([true, digest]);
    });

    it.skipIf(noTerminal())('are pulled again when that was interrupted', async () => {
      const name = `${unique}/interrupted`;
      await registry.put(name, '1', 'x', { kind: 'stalls' }, { layers: [400_000] });
      await configure([`${registry.host}/${name}:1`]);
      const command = [process.execPath, bin, 'images', 'pull'];
      const terminal = openTerminal(command, { cwd: place.folder, env: place.environment });
      await terminal.sees(/\d of 2 layers/);
      terminal.type('\x03');
      expect(await terminal.ended).toBe(130);
      registry.behave(name, { kind: 'serves' });
      expect(await place.json('images', 'pull')).toMatchObject({ images: [{ pulled: true }] });
    });
  });
});
