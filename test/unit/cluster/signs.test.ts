import { describe, expect, it } from 'vitest';
import { signOf } from '../../../src/cluster/signs.ts';
import type { Component } from '../../../src/protocols/versions.ts';

describe('the signs of what a real program lacks', () => {
  it.each<[Component, string, string]>([
    [
      'mesos-agent',
      'NO_DOCKER_CLI',
      "Failed to create docker: Failed to get docker version: Failed to execute 'docker'",
    ],
    [
      'mesos-agent',
      'DOCKER_CLI_TOO_OLD',
      'Error response from daemon: client version 1.32 is too old. Minimum supported API version is 1.44',
    ],
    ['mesos-agent', 'AGENT_WITHOUT_CGROUPS', "Failed to find a mounted cgroups hierarchy for the 'cpu' subsystem"],
    ['marathon', 'OUT_OF_MEMORY', 'Terminating due to java.lang.OutOfMemoryError: Java heap space'],
    ['marathon', 'OUT_OF_MEMORY', 'its container ended with code 137'],
    ['marathon', 'EMULATION_FAILED', 'qemu: uncaught target signal 11 (Segmentation fault) - core dumped'],
    ['mesos-master', 'UNKNOWN_FLAG', "Failed to load unknown flag 'agent_ping_timeouts'"],
  ])('%s: %s', (component, code, line) => {
    expect(signOf({ component, reason: 'it ended', log: ['something else', line] })?.code).toBe(code);
  });

  it('are those of the program that shows them', () => {
    expect(
      signOf({ component: 'marathon', reason: 'x', log: ['Failed to find a mounted cgroups hierarchy'] }),
    ).toBeUndefined();
    expect(
      signOf({ component: 'mesos-agent', reason: 'it is not registered with a master', log: ['all is well'] }),
    ).toBeUndefined();
  });
});
