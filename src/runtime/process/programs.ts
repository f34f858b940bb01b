import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import type { Program, Site } from '../../plan/types.ts';
import type { Component } from '../../protocols/versions.ts';
import { DevclusterError } from '../../support/errors.ts';
import type { ProgramRequest } from '../types.ts';

type Variables = Readonly<Record<string, string | undefined>>;

/** Where Debian and its descendants put the jars of all packages. */
export const systemJars = '/usr/share/java';

/**
 * The real programs that run as local processes, found on this machine: ZooKeeper. A cluster keeps the one it was made
 * with for as long as that is there.
 * @param env JAVA_HOME or PATH leads to `java`, ZOOKEEPER_HOME to an unpacked release of ZooKeeper
 * @returns undefined when none is asked for
 * @throws DevclusterError missing, naming what isn't here
 */
export function findPrograms(
  requests: readonly ProgramRequest[],
  known: Site['programs'],
  env: Variables,
  jarsFolder = systemJars,
): Site['programs'] {
  if (requests.length === 0) return undefined;
  return Object.fromEntries(
    requests.map(({ component, version }) => {
      if (component !== 'zookeeper') throw notAsProcess(component);
      const before = known?.zookeeper;
      const program = before && isThere(before) ? before : findZooKeeper(env, jarsFolder);
      if (version !== undefined && version !== program.version) throw otherVersion(version, program);
      return [component, program];
    }),
  );
}

/** Why a real program can't be run, and what to do instead. */
export function notAsProcess(component: Component): DevclusterError {
  return new DevclusterError('missing', 'NEEDS_DOCKER', `The real ${component} can't run as a local process`, {
    hint: "Use '--engine embedded'. In the runtime 'process' only ZooKeeper can be the real one.",
  });
}

const mainClass = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';

/** A server of a developer's cluster holds little, and three of them start at once on a few cores. */
const javaOptions: readonly string[] = [
  '-Xmx128m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-XX:+ExitOnOutOfMemoryError',
  // It would leave files in /tmp when it is killed.
  '-XX:-UsePerfData',
  // Lines like those of the other services: on standard output, with the time as ISO 8601 in UTC.
  '-Duser.timezone=UTC',
  '-Dorg.slf4j.simpleLogger.logFile=System.out',
  '-Dorg.slf4j.simpleLogger.showDateTime=true',
  "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS'Z'",
  '-Dzookeeper.root.logger=INFO,CONSOLE',
];

function findZooKeeper(env: Variables, jarsFolder: string): Program {
  const java = findJava(env);
  const jars = findJars(env, jarsFolder);
  if (java && jars)
    return { command: [java, ...javaOptions, '-cp', jars.classPath.join(':'), mainClass], version: jars.version };
  const missing = [
    ...(java ? [] : ["there is no 'java' on the PATH or in JAVA_HOME"]),
    ...(jars ? [] : [`${placesOf(env, jarsFolder)} no jars of it`]),
  ];
  throw new DevclusterError(
    'missing',
    'ZOOKEEPER_MISSING',
    `The real ZooKeeper can't run here: ${missing.join(', and ')}`,
    {
      hint:
        "Install it ('apt install zookeeper' brings Java too), or unpack a release and set ZOOKEEPER_HOME to its folder. " +
        "Or leave out 'engine: mesos' of zookeeper.",
      details: { java: java !== undefined, jars: jars !== undefined },
    },
  );
}

function placesOf({ ZOOKEEPER_HOME: home }: Variables, jarsFolder: string): string {
  return home
    ? `neither ZOOKEEPER_HOME (${home}) nor ${jarsFolder} has`
    : `ZOOKEEPER_HOME is not set, and ${jarsFolder} has`;
}

function otherVersion(asked: string, { command, version }: Program): DevclusterError {
  return new DevclusterError(
    'missing',
    'ZOOKEEPER_VERSION_MISSING',
    `The configuration asks for ZooKeeper ${asked}, but the one here is ${version} (${classPathOf(command).join(', ')})`,
    { hint: `Set ZOOKEEPER_HOME to the folder of a release ${asked}, or leave out 'version' of zookeeper.` },
  );
}

function findJava(env: Variables): string | undefined {
  const folders = [
    ...(env.JAVA_HOME ? [join(env.JAVA_HOME, 'bin')] : []),
    // A program of the current folder would be another one at the next command.
    ...(env.PATH ?? '').split(delimiter).filter((folder) => isAbsolute(folder)),
  ];
  return folders.map((folder) => join(folder, 'java')).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

interface Jars {
  classPath: readonly string[];
  version: string;
}

function findJars({ ZOOKEEPER_HOME: home }: Variables, jarsFolder: string): Jars | undefined {
  return (home && isAbsolute(home) ? jarsOfRelease(home) : undefined) ?? jarsOfSystem(jarsFolder);
}

/** A release as it is published: all jars in `lib` (before 3.5 ZooKeeper's own beside it), the logger's settings in `conf`. */
function jarsOfRelease(home: string): Jars | undefined {
  for (const folder of [join(home, 'lib'), home]) {
    const version = versionIn(folder);
    if (version !== undefined)
      return {
        classPath: [
          ...[join(home, 'conf')].filter((path) => existsSync(path)),
          join(home, 'lib', '*'),
          join(home, '*'),
        ],
        version,
      };
  }
  return undefined;
}

/**
 * Debian's: the jar names those it needs in its manifest, all but a logger. All jars of the folder (`*`) would bring
 * several, and the first of them might be one that writes nothing.
 */
function jarsOfSystem(folder: string): Jars | undefined {
  const version = versionIn(folder);
  const own = join(folder, 'zookeeper.jar');
  if (version === undefined || !existsSync(own)) return undefined;
  return { classPath: [own, ...[join(folder, 'slf4j-simple.jar')].filter((path) => existsSync(path))], version };
}

/** `3.8.0` for a folder with `zookeeper-3.8.0.jar`. */
function versionIn(folder: string): string | undefined {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return undefined;
  }
  return names.flatMap((name) => /^zookeeper-(\d+\.\d[\w.-]*)\.jar$/.exec(name)?.[1] ?? [])[0];
}

function classPathOf(command: Program['command']): string[] {
  return command[command.indexOf('-cp') + 1]?.split(':') ?? [];
}

function isThere({ command }: Program): boolean {
  return isExecutable(command[0]) && classPathOf(command).every((path) => existsSync(path.replace(/\/\*$/, '')));
}
