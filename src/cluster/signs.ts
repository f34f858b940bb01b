import type { Component } from '../protocols/versions.ts';

/** What is known of a service that failed. */
export interface FailedService {
  component: Component | undefined;
  /** Why it is said to have failed. */
  reason: string;
  /** Its last log lines. */
  log: readonly string[];
}

/** A failure that has a name, and a way out. */
export interface Sign {
  code: string;
  hint: string;
}

interface KnownSign extends Sign {
  components?: readonly Component[];
  /** In its log or in the reason. */
  text: RegExp;
}

/** By what real programs show what they lack: texts of Mesos, Marathon's JVM and Docker. The first that fits counts. */
const known: readonly KnownSign[] = [
  {
    code: 'NO_DOCKER_CLI',
    components: ['mesos-agent'],
    text: /there is no docker command in this image|Failed to get docker version/,
    hint: "The agent's image needs a docker command. Set images.dockerCli to docker:28-cli, and agents are given that image's, or take another image; see docs/real-engine.md.",
  },
  {
    code: 'DOCKER_CLI_TOO_OLD',
    components: ['mesos-agent'],
    text: /client version [\d.]+ is too old|Minimum supported API version/i,
    hint: "The docker command in the agent's image is older than this engine accepts. Set images.dockerCli to docker:28-cli, and agents are given that image's; see docs/real-engine.md.",
  },
  {
    code: 'AGENT_WITHOUT_CGROUPS',
    components: ['mesos-agent'],
    text: /Failed to find a mounted cgroups hierarchy|cgroups? ?v2 is (mandatory|required)|Failed to (determine|prepare|create) .*cgroup/i,
    hint: "This Mesos can't work with the cgroups of the engine's machine. On cgroup v2 take the set 'clusterd' (images.set), on v1 'apache', or --engine embedded; `devcluster doctor` tells which it has.",
  },
  {
    code: 'OUT_OF_MEMORY',
    text: /Could not reserve enough space for (the )?.*object heap|Invalid maximum heap size|insufficient memory for the Java Runtime/,
    hint: 'The heap that it is told to take is more than there is. Make it smaller (components.<name>.env: JAVA_OPTS or JVMFLAGS, like -Xmx512m); `devcluster doctor` tells how much memory the engine has.',
  },
  {
    code: 'OUT_OF_MEMORY',
    text: /java\.lang\.OutOfMemoryError|Cannot allocate memory|ended with code 137\b/,
    hint: "It ran out of memory, or was ended for using too much. For Marathon and ZooKeeper set a larger heap (components.<name>.env: JAVA_OPTS or JVMFLAGS, like -Xmx1g); `devcluster doctor` tells how much memory the engine's machine has.",
  },
  {
    code: 'UNKNOWN_FLAG',
    text: /Unrecognized (VM )?option|Could not create the Java Virtual Machine/,
    hint: "The image's JVM does not know an option it is given: look at JAVA_OPTS or JVMFLAGS under the component's `env`.",
  },
  {
    code: 'CONFIG_REJECTED',
    components: ['zookeeper'],
    text: /Invalid config, exiting abnormally|Error processing .*\.cfg/,
    hint: "ZooKeeper does not take its configuration. Look at the component's `env` and `flags`, or take another version of its image.",
  },
  {
    code: 'EMULATION_FAILED',
    text: /qemu: uncaught target signal|rosetta error|exec format error/i,
    hint: "The image is made for another kind of machine, and emulating it failed. Take one for this machine (the set 'native-arm64' on arm64), or the embedded engine for this component.",
  },
  {
    code: 'NO_SUCH_PROGRAM',
    text: /executable file not found|no such file or directory: unknown|: not found$|\[FATAL tini \(\d+\)\] exec .* failed: No such file|ended with code 127\b/m,
    hint: 'The image has no such program: it is not what its name says, or starts it in another way. Take the image of a set (`devcluster images list`).',
  },
  {
    code: 'AGENT_CHANGED',
    components: ['mesos-agent'],
    text: /Configuration change not permitted under|Incompatible agent info detected/,
    hint: 'An agent goes on as itself only while its node has no less than before (resources, attributes) and the same address and port. Give the node what it had, or begin anew: `devcluster down`, then `devcluster up`.',
  },
  {
    code: 'UNKNOWN_FLAG',
    components: ['mesos-master', 'mesos-agent', 'marathon'],
    text: /Failed to load unknown flag|Unknown option/,
    hint: "The program does not know one of its flags: leave it out by setting it to null under the component's `flags`, or take another version.",
  },
];

/** What the failure is a sign of, if that is known. */
export function signOf({ component, reason, log }: FailedService): Sign | undefined {
  const texts = [reason, ...log].join('\n');
  const found = known.find(
    (sign) => (!sign.components || (component && sign.components.includes(component))) && sign.text.test(texts),
  );
  return found && { code: found.code, hint: found.hint };
}

/**
 * Log lines without those that real Mesos writes behind the one that says why it ends: the frames of its stack, and its
 * general advice, part of which removes all containers and images of the engine.
 */
export function telling(log: readonly string[]): string[] {
  let advice = false;
  return log.filter((line) => {
    if (/^If recovery failed due to a change in configuration/.test(line)) advice = true;
    const told = !advice && !stackLine.test(line);
    if (/^Finally, restart the agent/.test(line)) advice = false;
    return told;
  });
}

const stackLine = /^\s*(PC: )?@\s+0x[\da-f]+\b|^\*\*\* (Check failure stack trace|Aborted at|SIG[A-Z]+ )/;
