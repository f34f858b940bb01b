import { readFile, statfs } from 'node:fs/promises';
import type { ClusterConfig } from '../config/types.ts';
import {
  cgroupsOf,
  type EngineTraits,
  type ImageSet,
  imageSets,
  imagesOf,
  suitableSet,
  unsuitable,
} from '../plan/image-sets.ts';
import type { EngineFacts } from '../runtime/docker/client.ts';
import { describeEndpoint, isLocal } from '../runtime/docker/endpoint.ts';
import { type Engine, openEngine } from '../runtime/docker/engine.ts';
import { engineMessage, statusOf } from '../runtime/docker/errors.ts';
import { DevclusterError, messageOf } from '../support/errors.ts';
import type { Check } from './doctor.ts';

export interface DockerDoctorInput {
  env: Readonly<Record<string, string | undefined>>;
  /** Whether registries may be asked. */
  network: boolean;
  /** The choices of images; undefined: the defaults. */
  config: Pick<ClusterConfig, 'components' | 'images'>;
}

/** The parts of the engine's `GET /info` that matter; old engines leave some out. */
export interface EngineInfo {
  CgroupVersion?: string;
  CgroupDriver?: string;
  /** false: the kernel or its cgroups have no such controller. */
  MemoryLimit?: boolean;
  MemTotal?: number;
  NCPU?: number;
  Driver?: string;
  DockerRootDir?: string;
  OperatingSystem?: string;
  SecurityOptions?: string[] | null;
  HttpProxy?: string;
  HttpsProxy?: string;
  NoProxy?: string;
  KernelVersion?: string;
}

const kinds: Readonly<Record<keyof EngineInfo, (value: unknown) => boolean>> = (() => {
  const [text, number] = [(value: unknown) => typeof value === 'string', (value: unknown) => typeof value === 'number'];
  return {
    CgroupVersion: text,
    CgroupDriver: text,
    MemoryLimit: (value) => typeof value === 'boolean',
    MemTotal: number,
    NCPU: number,
    Driver: text,
    DockerRootDir: text,
    OperatingSystem: text,
    SecurityOptions: (value) => Array.isArray(value) && value.every(text),
    HttpProxy: text,
    HttpsProxy: text,
    NoProxy: text,
    KernelVersion: text,
  };
})();

/** What can be understood of an answer; whoever is asked may answer anything. @throws Error when it is none at all */
export function readInfo(answer: unknown): EngineInfo {
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer))
    throw new Error('what it says of itself can not be understood');
  const known = Object.entries(kinds).filter(([name, fits]) => fits((answer as Record<string, unknown>)[name]));
  return Object.fromEntries(known.map(([name]) => [name, (answer as Record<string, unknown>)[name]]));
}

const gigabyte = 1e9;
/** What three nodes of real programs take: three JVMs of Marathon and ZooKeeper each, and the rest beside them. */
const realNeeds = { memory: 4 * gigabyte, disk: 5 * gigabyte };

/**
 * What this user's Docker engine means for clusters and for each set of images; one check that can't be made says so.
 * Never throws; asks registries only when it may.
 */
export async function checkDocker(input: DockerDoctorInput): Promise<Check[]> {
  let engine: Engine;
  let facts: Awaited<ReturnType<Engine['facts']>>;
  try {
    engine = openEngine(input.env);
    facts = await engine.facts();
  } catch (error) {
    const hint = error instanceof DevclusterError ? error.hint : undefined;
    return [
      {
        name: 'docker',
        state: 'note',
        title: `${messageOf(error)}; clusters run as local processes without it`,
        ...(hint ? { hint } : {}),
      },
    ];
  }
  const checks: Check[] = [{ name: 'docker', ...whoAnswers(facts, describeEndpoint(engine.endpoint)) }];
  const info = await engine
    .with(async (docker) => readInfo(await docker.info()))
    .catch((error: unknown) => {
      checks.push(unmade('docker-machine', error));
      return undefined;
    });
  if (!info) return checks;
  const traits: EngineTraits = { arch: facts.arch, cgroups: cgroupsOf(info) };
  const made = await Promise.all([
    attempt('docker-machine', async () => machine(info, traits)),
    attempt('docker-memory', async () => memory(info)),
    attempt('docker-disk', () => disk(engine, info)),
    attempt('docker-proxy', async () => proxies(info)),
    attempt('limits', () => limits()),
    ...Object.entries(imageSets).map(([name, set]) =>
      attempt(`images-${name}`, () => suitability(engine, name as keyof typeof imageSets, set, traits)),
    ),
    ...(input.network ? [attempt('registry', () => registry(engine, input, traits))] : []),
  ]);
  return [...checks, ...made.flatMap((check) => check ?? [])];
}

async function attempt(
  name: string,
  check: () => Promise<Omit<Check, 'name'> | undefined>,
): Promise<Check | undefined> {
  try {
    const finding = await check();
    return finding && { name, ...finding };
  } catch (error) {
    return unmade(name, error);
  }
}

function unmade(name: string, error: unknown): Check {
  return { name, state: 'warning', title: `${name} can't be checked: ${messageOf(error)}` };
}

type Finding = Omit<Check, 'name'>;

export function whoAnswers({ version, apiVersion, os, arch, podman }: EngineFacts, where: string): Finding {
  const title = `${podman ? 'Podman' : 'Docker'} ${version} (API ${apiVersion}, ${os}/${arch}) answers at ${where}`;
  if (!podman) return { state: 'ok', title };
  return {
    state: 'warning',
    title: `${title}; devcluster is made for Docker engines and does not support it`,
    hint: 'Clusters of embedded services come up by its Docker-compatible API; what differs there is not looked after, and real agents were not tried. Use Docker, or --runtime process, which needs neither.',
  };
}

export function machine(info: EngineInfo, { cgroups }: EngineTraits): Finding {
  const rootless = (info.SecurityOptions ?? []).some((option) => option.includes('name=rootless'));
  const desktop = /docker desktop/i.test(info.OperatingSystem ?? '');
  const title = `The engine's machine: ${info.OperatingSystem ?? 'unknown'}, ${cgroups === 'none' ? 'no cgroups' : `cgroup ${cgroups}`}, storage ${info.Driver ?? 'unknown'}${rootless ? ', rootless' : ''}`;
  const hints = [
    ...(info.Driver === 'vfs'
      ? ['The storage driver vfs copies whole images for each container: slow and large.']
      : []),
    ...(info.Driver === 'devicemapper' ? ['The storage driver devicemapper is no longer part of newer engines.'] : []),
    ...(rootless ? ['A rootless engine publishes on 127.0.0.1 only, so each node has a block of ports there.'] : []),
    ...(cgroups === 'none'
      ? ['Without cgroups it can limit nothing, and can not end all processes of real agents: those are refused.']
      : info.MemoryLimit === false
        ? ["It can't limit the memory of tasks."]
        : []),
    ...(desktop ? ["Nodes' own addresses can't be reached from this machine; published ports can."] : []),
  ];
  if (hints.length === 0) return { state: 'ok', title };
  return { state: info.Driver === 'vfs' || cgroups === 'none' ? 'warning' : 'note', title, hint: hints.join(' ') };
}

export function memory({ MemTotal: total, NCPU: cpus }: EngineInfo): Finding | undefined {
  if (total === undefined) return undefined;
  const title = `The engine's machine has ${(total / gigabyte).toFixed(1)} GB of memory and ${cpus ?? '?'} CPUs`;
  if (total >= realNeeds.memory) return { state: 'ok', title };
  return {
    state: total >= gigabyte ? 'note' : 'warning',
    title,
    hint: `Three nodes of real programs need some ${realNeeds.memory / gigabyte} GB (Marathon's JVMs most of it); the embedded engine needs 0.3 GB. Docker Desktop sets it under Resources.`,
  };
}

async function disk(engine: Engine, info: EngineInfo): Promise<Finding | undefined> {
  if (info.DockerRootDir === undefined || !isLocal(engine.endpoint)) return undefined;
  const found = await statfs(info.DockerRootDir).catch(() => undefined);
  // It lies in a virtual machine, or this user may not look.
  if (!found) return undefined;
  const free = found.bavail * found.bsize;
  const title = `${(free / gigabyte).toFixed(1)} GB free for images and containers (${info.DockerRootDir})`;
  if (free >= realNeeds.disk) return { state: 'ok', title };
  return {
    state: free >= gigabyte / 2 ? 'note' : 'warning',
    title,
    hint: `Images of real programs take some ${realNeeds.disk / gigabyte} GB, the embedded one 0.14 GB. \`devcluster images prune\` removes old ones of ours, \`docker system df\` shows the rest.`,
  };
}

export function proxies({ HttpProxy: http, HttpsProxy: https, NoProxy: no }: EngineInfo): Finding | undefined {
  if (!http && !https) return undefined;
  return {
    state: 'note',
    title: `The engine pulls through a proxy (${withoutPassword(https || http || '')})`,
    hint: `Registries on this machine or in the own network have to be among its exceptions, which are: ${no || 'none'}.`,
  };
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//…@');
}

/** Of this machine, where the engine is local; a virtual machine has its own. */
async function limits(): Promise<Finding | undefined> {
  const [instances, files] = await Promise.all([
    readFile('/proc/sys/fs/inotify/max_user_instances', 'utf8').then(Number, () => undefined),
    readFile('/proc/self/limits', 'utf8').then(
      (text) => Number(/^Max open files\s+(\d+)/m.exec(text)?.[1] ?? Number.NaN),
      () => undefined,
    ),
  ]);
  if (instances === undefined && files === undefined) return undefined;
  return judgeLimits(instances, files);
}

export function judgeLimits(instances: number | undefined, files: number | undefined): Finding {
  const title = `Limits: ${files ?? '?'} open files, ${instances ?? '?'} inotify instances a user`;
  const hints = [
    ...(files !== undefined && files < 1024 ? ['Raise the number of open files (ulimit -n 4096).'] : []),
    ...(instances !== undefined && instances < 128
      ? ['Raise inotify instances (sysctl fs.inotify.max_user_instances=512), or logs may not be followed.']
      : []),
  ];
  return hints.length === 0 ? { state: 'ok', title } : { state: 'warning', title, hint: hints.join(' ') };
}

async function suitability(
  engine: Engine,
  name: keyof typeof imageSets,
  set: ImageSet,
  traits: EngineTraits,
): Promise<Finding> {
  const wanted = [...new Set(Object.values(set.images).map(({ reference }) => reference))];
  const here = await engine.with(async (docker) => {
    const all: unknown = await docker.listImages();
    if (!Array.isArray(all)) throw new Error('its list of images can not be understood');
    return new Set(all.flatMap((image: { RepoTags?: string[] | null } | null) => image?.RepoTags ?? []));
  });
  const there = wanted.filter((reference) => here.has(reference)).length;
  return judgeSet(name, set, traits, `${there} of ${wanted.length} images are here`);
}

export function judgeSet(name: keyof typeof imageSets, set: ImageSet, traits: EngineTraits, here: string): Finding {
  const problems = unsuitable(name, traits);
  const chosen = suitableSet(traits) === name ? ', chosen by default' : '';
  if (problems.length > 0)
    return {
      state: 'note',
      title: `Image set '${name}' does not suit this engine: ${problems.join('; ')}`,
      hint: set.limits.join(' '),
    };
  return { state: 'ok', title: `Image set '${name}' suits this engine${chosen}; ${here}` };
}

/** Asked by the engine, which has its own way to registries. */
async function registry(engine: Engine, { config }: DockerDoctorInput, traits: EngineTraits): Promise<Finding> {
  const references = imagesOf(config, 'mesos', suitableSet(traits)).map(({ reference }) => reference);
  const asked = await engine.with((docker) =>
    Promise.all(
      [...new Set(references)].map(async (reference) => {
        try {
          await docker.getImage(reference).distribution();
          return undefined;
        } catch (error) {
          if (statusOf(error) === undefined) throw error;
          return `${reference}: ${engineMessage(error)}`;
        }
      }),
    ),
  );
  const failures = asked.flatMap((failure) => failure ?? []);
  if (failures.length === 0) return { state: 'ok', title: `The registries have all ${asked.length} images` };
  return {
    state: 'warning',
    title: `${failures.length} of ${asked.length} images can't be had`,
    hint: `${failures.join('; ')}. A mirror is named by images.registry; the embedded engine needs none.`,
  };
}
