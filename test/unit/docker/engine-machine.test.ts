import { mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { EngineEndpoint } from '../../../src/runtime/docker/endpoint.ts';
import { machineOf } from '../../../src/runtime/docker/engine-machine.ts';

/** What engines say of themselves, as recorded. */
const recorded = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../fixtures/docker/engine-${name}.json`, import.meta.url), 'utf8')).info;

const at = (socketPath: string): EngineEndpoint => ({ from: 'DOCKER_HOST', kind: 'unix', socketPath });

describe("an engine's own socket", () => {
  const info = recorded('28.5');
  const here = { hostname: info.Name, kernel: info.KernelVersion };
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'engine-machine-')));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('is where this machine has it, when the engine runs on this machine', () => {
    expect(machineOf(at('/run/other/docker.sock'), info, here).socketPath).toBe('/run/other/docker.sock');
    writeFileSync(join(folder, 'docker.sock'), '');
    symlinkSync(join(folder, 'docker.sock'), join(folder, 'link.sock'));
    expect(machineOf(at(join(folder, 'link.sock')), info, here).socketPath).toBe(join(folder, 'docker.sock'));
  });

  it('is at the usual place, when the engine is in a virtual machine, a container, or elsewhere', () => {
    const usual = '/var/run/docker.sock';
    const socket = at('/home/me/.docker/run/docker.sock');
    expect(machineOf(socket, info, { ...here, kernel: '24.6.0' }).socketPath).toBe(usual);
    expect(machineOf(socket, info, { ...here, hostname: '0a1b2c3d4e5f' }).socketPath).toBe(usual);
    expect(machineOf({ from: 'DOCKER_HOST', kind: 'tcp', host: 'far', port: 2375 }, info, here).socketPath).toBe(usual);
    expect(machineOf(socket, {}, here).socketPath).toBe(usual);
  });

  it.each([
    ['20.10', false],
    ['26.1', false],
    ['28.5', false],
    ['28.5-cgroup-v2', false],
    ['28.5-rootless', true],
  ])('and whether it is rootless: %s', (name, rootless) => {
    expect(machineOf(at('/run/user/7/docker.sock'), recorded(name), here)).toEqual({
      socketPath: '/run/user/7/docker.sock',
      rootless,
    });
  });
});
