import type Docker from 'dockerode';
import { describe, expect, it } from 'vitest';
import { forAll, removeContainer } from '../../../src/runtime/docker/containers-of.ts';

/** As the client says it; the first message is what engine 28.5 said of a container that was being started again. */
const refusals = {
  restarting:
    '(HTTP code 500) server error - cannot remove container "ce3a": could not kill container: tried to kill container, but did not receive an exit event ',
  busy: '(HTTP code 500) server error - driver "overlay2" failed to remove root filesystem: device or resource busy ',
};

function engine(message: string, times: number) {
  let asked = 0;
  const remove = async () => {
    asked++;
    if (asked <= times) throw Object.assign(new Error(message), { statusCode: 500 });
  };
  const docker = { getContainer: () => ({ remove }) } as unknown as Docker;
  return { docker, asked: () => asked };
}

describe('removing a container', () => {
  it('is tried again while the engine starts it again', async () => {
    const { docker, asked } = engine(refusals.restarting, 2);
    await forAll(docker, [{ id: 'ce3a' }], removeContainer);
    expect(asked()).toBe(3);
  });

  it('fails at once for any other reason', async () => {
    const { docker, asked } = engine(refusals.busy, 1);
    await expect(forAll(docker, [{ id: 'ce3a' }], removeContainer)).rejects.toThrow('resource busy');
    expect(asked()).toBe(1);
  });
});
