import { describe, expect, it } from 'vitest';
import { signOf, telling } from '../../../src/cluster/signs.ts';
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
    ['zookeeper', 'OUT_OF_MEMORY', 'Could not reserve enough space for 104857598951424KB object heap'],
    ['zookeeper', 'OUT_OF_MEMORY', '# There is insufficient memory for the Java Runtime Environment to continue.'],
    ['zookeeper', 'UNKNOWN_FLAG', "Unrecognized VM option 'NoSuchThing'"],
    ['zookeeper', 'EMULATION_FAILED', 'exec /docker-entrypoint.sh: exec format error'],
    ['marathon', 'OUT_OF_MEMORY', 'its container ended with code 137'],
    ['marathon', 'EMULATION_FAILED', 'qemu: uncaught target signal 11 (Segmentation fault) - core dumped'],
    [
      'mesos-agent',
      'AGENT_CHANGED',
      "Failed to perform recovery: Configuration change not permitted under 'additive' policy: Value of scalar resource 'cpus' decreased from 4 to 2",
    ],
    ['marathon', 'NO_SUCH_PROGRAM', '[FATAL tini (7)] exec --master failed: No such file or directory'],
    ['zookeeper', 'CONFIG_REJECTED', 'ConfigException: Error processing /conf/zoo.cfg'],
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

describe('the log of a program of Mesos that ended', () => {
  it('is shown without its stack', () => {
    expect(
      telling([
        'I1123 02:00:00.000000     7 main.cpp:500] Version: 1.12.0',
        'F1123 02:00:00.000000     7 attributes.cpp:109] Invalid attribute key:value pair rack:',
        '*** Check failure stack trace: ***',
        '    @     0x7f3b1c2d6e3d  google::LogMessage::Fail()',
        '    @     0x7f3b1c2d8c1c  google::LogMessage::SendToLog()',
        '*** Aborted at 1763863200 (unix time) try "date -d @1763863200" if you are using GNU date ***',
        'PC: @     0x7f3b18a5f387 __GI_raise',
        '*** SIGABRT (@0x7) received by PID 7 (TID 0x7f3b1e0b8900) from PID 7; stack trace: ***',
        '    @     0x7f3b193fe630 (unknown)',
      ]),
    ).toEqual([
      'I1123 02:00:00.000000     7 main.cpp:500] Version: 1.12.0',
      'F1123 02:00:00.000000     7 attributes.cpp:109] Invalid attribute key:value pair rack:',
    ]);
  });

  it('is shown without advice that would cost the user all containers', () => {
    expect(
      telling([
        'E1123 02:00:00.000000     7 slave.cpp:8366] EXIT with status 1: Failed to perform recovery: Hostname changed',
        'If recovery failed due to a change in configuration and you want to',
        'keep the current agent id, you might want to change the',
        '',
        'docker kill $(docker ps -q)',
        'docker rmi $(docker images -q)',
        '',
        'Finally, restart the agent.',
        'supervise: mesos-agent ended with code 1; it is started again',
      ]),
    ).toEqual([
      'E1123 02:00:00.000000     7 slave.cpp:8366] EXIT with status 1: Failed to perform recovery: Hostname changed',
      'supervise: mesos-agent ended with code 1; it is started again',
    ]);
  });
});
