import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runChecks } from '../../../src/cluster/doctor.ts';
import {
  type EngineInfo,
  judgeLimits,
  judgeSet,
  machine,
  memory,
  proxies,
  whoAnswers,
} from '../../../src/cluster/doctor-docker.ts';
import { cgroupsOf, imageSets } from '../../../src/plan/image-sets.ts';

const amd64 = { arch: 'amd64', cgroups: 'v2' } as const;
/** What an engine said of itself, as recorded. */
const recorded = (name: string): EngineInfo =>
  JSON.parse(readFileSync(new URL(`../../fixtures/docker/engine-${name}.json`, import.meta.url), 'utf8')).info;

describe("what an engine's machine means", () => {
  it('is fine where nothing is in the way', () => {
    expect(machine({ OperatingSystem: 'Debian', Driver: 'overlay2' }, amd64)).toEqual({
      state: 'ok',
      title: "The engine's machine: Debian, cgroup v2, storage overlay2",
    });
    expect(memory({ MemTotal: 16e9, NCPU: 8 })?.state).toBe('ok');
    expect(proxies({})).toBeUndefined();
    expect(judgeLimits(8192, 1_048_576).state).toBe('ok');
  });

  it('is told where something is', () => {
    expect(machine({ Driver: 'vfs' }, amd64)).toMatchObject({ state: 'warning', hint: expect.stringContaining('vfs') });
    expect(machine({ SecurityOptions: ['name=rootless'] }, amd64).state).toBe('note');
    expect(machine({ OperatingSystem: 'Docker Desktop' }, amd64)).toMatchObject({
      state: 'note',
      hint: expect.stringContaining('published ports'),
    });
    expect(memory({ MemTotal: 2e9 })?.state).toBe('note');
    expect(memory({ MemTotal: 5e8 })?.state).toBe('warning');
    expect(judgeLimits(100, 256)).toMatchObject({ state: 'warning', hint: expect.stringContaining('ulimit') });
  });

  it.each([
    ['20.10', 'ok', 'cgroup v1, storage overlay2', ''],
    ['26.1', 'ok', 'cgroup v1, storage overlay2', ''],
    ['28.5', 'ok', 'cgroup v1, storage overlay2', ''],
    ['28.5-cgroup-v2', 'note', 'cgroup v2, storage overlay2', "can't limit the memory"],
    ['28.5-rootless', 'warning', 'no cgroups, storage overlay2, rootless', 'a block of ports'],
  ])('is told of engine %s', (name, state, title, hint) => {
    const info = recorded(name);
    const finding = machine(info, { arch: 'amd64', cgroups: cgroupsOf(info) });
    expect(finding).toMatchObject({ state, title: expect.stringContaining(title) });
    expect(finding.hint ?? '').toContain(hint);
  });

  it('is told to be no Docker, where Podman answers', () => {
    const docker = { version: '28.5.2', apiVersion: '1.51', os: 'linux', arch: 'amd64' };
    expect(whoAnswers(docker, 'unix:///d.sock')).toEqual({
      state: 'ok',
      title: 'Docker 28.5.2 (API 1.51, linux/amd64) answers at unix:///d.sock',
    });
    expect(whoAnswers({ ...docker, version: '5.8.6', podman: true }, 'unix:///d.sock')).toMatchObject({
      state: 'warning',
      title: expect.stringMatching(/^Podman 5\.8\.6 .*does not support it$/),
      hint: expect.stringContaining('--runtime process'),
    });
  });

  it('is told without the password of a proxy', () => {
    const told = proxies({ HttpsProxy: 'http://me:secret@proxy:3128', NoProxy: 'localhost' });
    expect(JSON.stringify(told)).not.toContain('secret');
    expect(told?.hint).toContain('localhost');
  });

  it('is told of an engine that leaves out everything', () => {
    expect(machine({}, amd64).title).toContain('unknown');
    expect(memory({})).toBeUndefined();
  });
});

describe('which set of images suits an engine', () => {
  const states = (arch: string, cgroups: 'v1' | 'v2' | 'none') =>
    Object.fromEntries(
      Object.entries(imageSets).map(([name, set]) => {
        const { state, title } = judgeSet(name as keyof typeof imageSets, set, { arch, cgroups }, 'none is here');
        return [name, title.includes('by default') ? 'default' : state];
      }),
    );

  it('is decided by its cgroups and its kind of machine', () => {
    expect(states('amd64', 'v2')).toEqual({ clusterd: 'default', apache: 'note', 'native-arm64': 'ok' });
    expect(states('amd64', 'v1')).toEqual({ clusterd: 'note', apache: 'default', 'native-arm64': 'note' });
    expect(states('arm64', 'v2')).toEqual({ clusterd: 'note', apache: 'note', 'native-arm64': 'default' });
    expect(Object.values(states('amd64', 'none'))).not.toContain('ok');
  });
});

describe('doctor', () => {
  it('never fails, whatever the engine is', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'doctor-'));
    try {
      for (const DOCKER_HOST of ['unix:///nowhere/docker.sock', 'nonsense', 'tcp://127.0.0.1:1', 'ssh://me@there']) {
        const checks = await runChecks({ root: folder, env: { DOCKER_HOST, HOME: folder } });
        expect(checks.find(({ name }) => name === 'docker')).toMatchObject({ state: 'note' });
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
