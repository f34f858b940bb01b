import type { Component } from '../protocols/versions.ts';

/** Where services run. */
export type RuntimeKind = 'docker' | 'process';
/** Whose programs run: the real ones or devcluster's own servers. */
export type Engine = 'mesos' | 'embedded';

/** Sets of images that work together; src/plan/image-sets.ts says what is in them. */
export const imageSetNames = ['clusterd', 'apache', 'native-arm64'] as const;
export type ImageSetName = (typeof imageSetNames)[number];

/** Every port a node may listen on, by what it is for. */
export type PortName =
  | 'zookeeper'
  | 'zookeeper-peer'
  | 'zookeeper-election'
  | 'mesos-master'
  | 'mesos-agent'
  | 'marathon'
  | 'dns'
  | 'mesos-dns-http';

export const standardPorts: Readonly<Record<PortName, number>> = {
  zookeeper: 2181,
  'zookeeper-peer': 2888,
  'zookeeper-election': 3888,
  'mesos-master': 5050,
  'mesos-agent': 5051,
  marathon: 8080,
  dns: 53,
  'mesos-dns-http': 8123,
};

export interface NodeConfig {
  name: string;
  /** Whether it carries ZooKeeper, a master and Marathon. */
  control: boolean;
  /** What its agent offers: declared, not measured. mem and disk in MB. */
  cpus: number;
  mem: number;
  disk: number;
  gpus: number;
  attributes: Readonly<Record<string, string>>;
  /** How many task ports it offers. */
  taskPorts: number;
}

export interface ComponentConfig {
  engine?: Engine;
  image?: string;
  version?: string;
  /** Variables for the program, over those of the plan. */
  env: Readonly<Record<string, string>>;
  /** Flags of the program (its own names, `_` or `-`), over those of the plan; null leaves the plan's out. */
  flags: Readonly<Record<string, string | null>>;
}

export interface ImagesConfig {
  /** `auto`: the one that suits the Docker engine. */
  set: ImageSetName | 'auto';
  /** A registry (and folder in it) that has the same images, put before every reference of the set. */
  registry?: string;
  /**
   * The image whose docker command real agents are given. `auto`: the set's, where the set's Mesos has none of its own that
   * today's engines accept; `none`: they have their own image's.
   */
  dockerCli: string;
}

export interface NetworkConfig {
  /** Own loopback addresses, blocks of ports on one address, or whichever the system allows. */
  addresses: 'auto' | 'per-node' | 'port-blocks';
  subnet?: string;
  /** The domain of Mesos-DNS. */
  domain: string;
  /** Address to bind instead of loopback ones. */
  publish?: string;
  /** Where Mesos-DNS sends other names; empty: the system's. */
  resolvers: readonly string[];
}

/** Seconds. */
export interface TimeoutConfig {
  /** For `up` as a whole, image pulls not counted. */
  up: number;
  /** For one component to get ready once it was started. */
  service: number;
  deployment: number;
}

/** All that the user decided, with every default filled in. */
export interface ClusterConfig {
  name: string;
  runtime: RuntimeKind | 'auto';
  engine: Engine | 'auto';
  timing: 'development' | 'production';
  nodes: readonly NodeConfig[];
  components: Readonly<Record<Component, ComponentConfig>>;
  images: ImagesConfig;
  network: NetworkConfig;
  ports: Readonly<Partial<Record<PortName, number>>>;
  /** Absolute paths of files or folders with app definitions. */
  apps: readonly string[];
  samples: boolean;
  secrets: Readonly<Record<string, SecretSource>>;
  /** Makes the random choices of embedded services repeatable. */
  seed?: string;
  timeouts: TimeoutConfig;
}

/** Where a secret's value is read when an app needs it; values themselves have no place in a configuration. */
export type SecretSource = { file: string } | { env: string };

/** What a file, variables or flags say: everything may be left out. */
export interface RawConfig {
  version?: 1 | undefined;
  name?: string | undefined;
  runtime?: RuntimeKind | 'auto' | undefined;
  engine?: Engine | 'auto' | undefined;
  timing?: 'development' | 'production' | undefined;
  nodes?: number | readonly RawNode[] | undefined;
  components?: Partial<Record<Component, RawComponent | undefined>> | undefined;
  images?:
    | { set?: ImageSetName | 'auto' | undefined; registry?: string | undefined; dockerCli?: string | undefined }
    | undefined;
  network?:
    | {
        addresses?: NetworkConfig['addresses'] | undefined;
        subnet?: string | undefined;
        domain?: string | undefined;
        publish?: string | undefined;
        resolvers?: readonly string[] | undefined;
      }
    | undefined;
  ports?: Partial<Record<PortName, number | undefined>> | undefined;
  apps?: readonly string[] | undefined;
  samples?: boolean | undefined;
  secrets?: Readonly<Record<string, SecretSource>> | undefined;
  seed?: string | undefined;
  timeouts?: { [K in keyof TimeoutConfig]?: number | undefined } | undefined;
}

export interface RawNode {
  name?: string | undefined;
  control?: boolean | undefined;
  cpus?: number | undefined;
  mem?: number | undefined;
  disk?: number | undefined;
  gpus?: number | undefined;
  attributes?: Readonly<Record<string, string | number>> | undefined;
  ports?: number | undefined;
}

export interface RawComponent {
  engine?: Engine | undefined;
  image?: string | undefined;
  version?: string | undefined;
  env?: Readonly<Record<string, string | number | boolean>> | undefined;
  flags?: Readonly<Record<string, string | number | boolean | null>> | undefined;
}
