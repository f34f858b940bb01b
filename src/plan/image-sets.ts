import type { ClusterConfig, Engine, ImageSetName } from '../config/types.ts';
import { type Component, components } from '../protocols/versions.ts';

/** An image of a real program and how it is run. */
export interface ComponentImage {
  /** As `docker pull` takes it, with a tag. */
  reference: string;
  /** Platforms it is published for, as far as known. */
  platforms: readonly string[];
  /** Instead of the image's own; undefined: the image starts its program and passes arguments on. */
  entrypoint?: readonly [string, ...string[]];
  /** Undefined: the image's. */
  user?: string;
  /** Other references that are likely to work where this one is gone. */
  fallbacks: readonly string[];
}

/** Images that work together. */
export interface ImageSet {
  summary: string;
  /** What the engine's machine must mount for the agent's Docker containerizer. */
  cgroups: readonly ('v1' | 'v2')[];
  /** Whether its Mesos lacks a docker command that today's engines accept, so that agents are given another. */
  needsDockerCli: boolean;
  /** Of components that are not here the embedded server runs. */
  images: Readonly<Partial<Record<Component, ComponentImage>>>;
  /** What its user should know; a sentence each. */
  limits: readonly string[];
}

const amd64 = ['linux/amd64'] as const;
const both = ['linux/amd64', 'linux/arm64'] as const;

const zookeeper: ComponentImage = {
  reference: 'zookeeper:3.9',
  platforms: both,
  fallbacks: ['zookeeper:3.8'],
};

/** Its Dockerfile sets a command that starts everything, and no entrypoint. */
const clusterd = (program: 'mesos-master' | 'mesos-agent'): ComponentImage => ({
  reference: 'avhost/mesos-mini:latest',
  platforms: both,
  entrypoint: [program],
  user: 'root',
  fallbacks: [],
});

const apache = (program: 'mesos-master' | 'mesos-agent'): ComponentImage => ({
  reference: 'mesosphere/mesos:1.7.1',
  platforms: amd64,
  entrypoint: [program],
  user: 'root',
  fallbacks: [],
});

/** Its Dockerfile has `/marathon/bin/marathon` as its entrypoint, and the user `nobody`. */
const marathon: ComponentImage = {
  reference: 'mesosphere/marathon:v1.11.24',
  platforms: amd64,
  fallbacks: [],
};

const mesosDns: ComponentImage = {
  reference: 'mesosphere/mesos-dns:v0.6.0',
  platforms: amd64,
  entrypoint: ['/usr/bin/mesos-dns'],
  fallbacks: ['avhost/mesos-dns:latest'],
};

/** The fork's program lies in its working folder. */
const mesosDnsFork: ComponentImage = {
  reference: 'avhost/mesos-dns:latest',
  platforms: both,
  entrypoint: ['/app/main'],
  fallbacks: ['mesosphere/mesos-dns:v0.6.0'],
};

const oldJvm =
  "Marathon's image (others of it: the tags of v1.9 and v1.10) has a JVM of 2021 for amd64 only; it does not know the memory limits of cgroup v2, and under emulation it crashes often.";

/** Its docker command is a static program, which runs in every image. */
const dockerCli: ComponentImage = {
  reference: 'docker:28-cli',
  platforms: both,
  fallbacks: ['docker:27-cli', 'docker:cli'],
};

/** Where images have the docker command that agents are given. */
export const dockerCliPath = '/usr/local/bin/docker';

/** Everything that is known of the sets, in one place. docs/real-engine.md says what of it was tried. */
export const imageSets: Readonly<Record<ImageSetName, ImageSet>> = {
  clusterd: {
    summary: 'ZooKeeper, clusterd (the living fork of Mesos), Marathon and the fork of Mesos-DNS; for cgroup v2',
    cgroups: ['v2'],
    needsDockerCli: false,
    images: {
      zookeeper,
      'mesos-master': clusterd('mesos-master'),
      'mesos-agent': clusterd('mesos-agent'),
      marathon,
      'mesos-dns': mesosDnsFork,
    },
    limits: ['clusterd 0.6 and newer need cgroup v2.', oldJvm],
  },
  apache: {
    summary: 'ZooKeeper, Apache Mesos 1.7, Marathon and Mesos-DNS as Mesosphere published them; for cgroup v1',
    cgroups: ['v1'],
    needsDockerCli: true,
    images: {
      zookeeper,
      'mesos-master': apache('mesos-master'),
      'mesos-agent': apache('mesos-agent'),
      marathon,
      'mesos-dns': mesosDns,
    },
    limits: [
      "Apache Mesos can't start its Docker containerizer where only cgroup v2 is mounted.",
      'Its Mesos has no docker command that engines from 29.0 on accept; agents are given that of another image.',
      oldJvm,
    ],
  },
  'native-arm64': {
    summary:
      'ZooKeeper, clusterd and the fork of Mesos-DNS, with the embedded Marathon; all without emulation on arm64',
    cgroups: ['v2'],
    needsDockerCli: false,
    images: {
      zookeeper,
      'mesos-master': clusterd('mesos-master'),
      'mesos-agent': clusterd('mesos-agent'),
      'mesos-dns': mesosDnsFork,
    },
    limits: ['clusterd 0.6 and newer need cgroup v2.', "Marathon is devcluster's own."],
  },
};

/** What decides which set suits an engine. */
export interface EngineTraits {
  /** As Go names it: `amd64`, `arm64`. */
  arch: string;
  /** `none`: the engine may use none, as a rootless one without a delegation of cgroup v2. */
  cgroups: 'v1' | 'v2' | 'none';
}

/** By the engine's `GET /info`. */
export function cgroupsOf(
  info: { CgroupVersion?: string; CgroupDriver?: string } | undefined,
): EngineTraits['cgroups'] {
  if (info?.CgroupDriver === 'none') return 'none';
  return info?.CgroupVersion === '2' ? 'v2' : 'v1';
}

/** The set that suits the engine best. */
export function suitableSet({ arch, cgroups }: EngineTraits): ImageSetName {
  if (cgroups === 'v1') return 'apache';
  return arch === 'arm64' ? 'native-arm64' : 'clusterd';
}

/** Why the set will not do well on the engine, one sentence each; none when it will. */
export function unsuitable(name: ImageSetName, { arch, cgroups }: EngineTraits): string[] {
  const set = imageSets[name];
  const emulated = components.filter((component) => {
    const image = set.images[component];
    return image !== undefined && !image.platforms.includes(`linux/${arch}`);
  });
  return [
    ...(cgroups === 'none'
      ? ['its agents need cgroups, and the engine may use none']
      : set.cgroups.includes(cgroups)
        ? []
        : [`its agents need cgroup ${set.cgroups.join(' or ')}, and the engine's machine has ${cgroups}`]),
    ...(emulated.length > 0 ? [`${emulated.join(', ')} would be emulated: there is no image for linux/${arch}`] : []),
  ];
}

type Choices = Pick<ClusterConfig, 'components' | 'images'>;

/** @param suitable the set for a configuration that leaves it open */
export function imageSetOf({ images }: Choices, suitable: ImageSetName): ImageSetName {
  return images.set === 'auto' ? suitable : images.set;
}

/** Whose program a component is. @param engine what it gets unless its own configuration, or the set, says otherwise */
export function engineOf(config: Choices, engine: Engine, component: Component, suitable?: ImageSetName): Engine {
  const { engine: own, image } = config.components[component];
  if (own) return own;
  if (engine === 'embedded' || image !== undefined) return engine;
  const name = suitable ?? (config.images.set === 'auto' ? undefined : config.images.set);
  return name && imageSets[imageSetOf(config, name)].images[component] === undefined ? 'embedded' : engine;
}

/** An image as a component of a cluster uses it. */
export interface ChosenImage extends ComponentImage {
  component: Component;
  /** Whether the user named it, so that nothing of ours explains it. */
  own: boolean;
}

/** The image of a component that runs by the real program: the user's, or the set's with the user's tag and registry. */
export function imageOf(config: Choices, component: Component, suitable: ImageSetName): ChosenImage {
  const { image, version } = config.components[component];
  const set = imageSets[imageSetOf(config, suitable)].images[component] ?? imageSets.clusterd.images[component]!;
  if (image !== undefined) {
    const reference = withTag(image, version);
    // The fork's form of Mesos-DNS is known by its name.
    const entrypoint = component === 'mesos-dns' ? dnsEntrypoint(reference) : set.entrypoint;
    return {
      component,
      reference,
      own: true,
      platforms: [],
      fallbacks: [],
      ...(entrypoint ? { entrypoint } : {}),
      ...(set.user === undefined ? {} : { user: set.user }),
    };
  }
  const { registry } = config.images;
  const place = (reference: string) => (registry === undefined ? reference : `${registry}/${reference}`);
  return {
    ...set,
    component,
    own: false,
    reference: place(version === undefined ? set.reference : withTag(repositoryOf(set.reference), version)),
    fallbacks: version === undefined ? set.fallbacks.map(place) : [],
  };
}

function dnsEntrypoint(reference: string): readonly [string, ...string[]] {
  return /(^|\/)avhost\/mesos-dns\b/.test(reference) ? ['/app/main'] : ['/usr/bin/mesos-dns'];
}

/** The image whose docker command real agents are given; undefined: they have that of their own image. */
export function dockerCliOf(config: Choices, suitable: ImageSetName): Omit<ChosenImage, 'component'> | undefined {
  const { dockerCli: chosen = 'auto', registry } = config.images;
  if (chosen === 'none') return undefined;
  if (chosen !== 'auto') return { reference: withTag(chosen, undefined), own: true, platforms: [], fallbacks: [] };
  // What is in an image of the user's own nobody knows; one without says so when it starts.
  const isKnown = config.components['mesos-agent'].image === undefined;
  if (!isKnown || !imageSets[imageSetOf(config, suitable)].needsDockerCli) return undefined;
  const place = (reference: string) => (registry === undefined ? reference : `${registry}/${reference}`);
  return { ...dockerCli, own: false, reference: place(dockerCli.reference), fallbacks: dockerCli.fallbacks.map(place) };
}

/** An image that a cluster needs, and what for. */
export interface NeededImage extends Omit<ChosenImage, 'component'> {
  component: Component | 'docker-cli';
}

/** The images of all components that run by the real programs, and that of the agents' docker command. */
export function imagesOf(config: Choices, engine: Engine, suitable: ImageSetName): NeededImage[] {
  const real = components.filter((component) => engineOf(config, engine, component, suitable) === 'mesos');
  const cli = real.includes('mesos-agent') ? dockerCliOf(config, suitable) : undefined;
  return [
    ...real.map((component) => imageOf(config, component, suitable)),
    ...(cli ? [{ ...cli, component: 'docker-cli' as const }] : []),
  ];
}

/** `name:tag`; a reference that says its tag or digest keeps it. */
function withTag(reference: string, tag: string | undefined): string {
  if (hasTag(reference)) return reference;
  return `${reference}:${tag ?? 'latest'}`;
}

function hasTag(reference: string): boolean {
  return reference.includes('@') || reference.slice(reference.lastIndexOf('/') + 1).includes(':');
}

function repositoryOf(reference: string): string {
  return hasTag(reference) ? reference.slice(0, reference.lastIndexOf(':')) : reference;
}

/** `3.9` of `registry:5000/zookeeper:3.9`. */
export function tagOf(reference: string): string {
  const [plain = ''] = reference.split('@');
  return hasTag(plain) ? plain.slice(plain.lastIndexOf(':') + 1) : 'latest';
}
