import { type Engine, type ImageSetName, type PortName, type RuntimeKind, standardPorts } from '../config/types.ts';
import type { Component } from '../protocols/versions.ts';

export type { Engine, ImageSetName, PortName, RuntimeKind };
export { standardPorts };

export interface PortRange {
  begin: number;
  /** Included. */
  end: number;
}

/** Where a node lives, found out (and reserved) by the runtime before anything is planned. */
export interface NodeSite {
  name: string;
  /** The node's address as its peers and tasks know it. */
  address: string;
  ports: Readonly<Record<PortName, number>>;
  /** Host and port by which the laptop reaches each of them; the same as above in `process`. */
  published: Readonly<Record<PortName, { host: string; port: number }>>;
  /** The address that an engine on another machine publishes at, where `published` has that machine's name. */
  publishedAt?: string;
  /** Reserved for this agent over all clusters of the machine. */
  taskPorts: PortRange;
  /** Folder for the node's data as the services see it. */
  dataDir: string;
}

/** The facts a runtime contributes to a plan; stored in the cluster's record, so that a cluster keeps its places. */
export interface Site {
  nodes: readonly NodeSite[];
  /** What the user should know: a shifted port, a high DNS port, shared addresses. One sentence each. */
  remarks: readonly string[];
  /** Path or name of the Node.js binary as tasks see it. */
  nodeBinary: string;
  /** Folder with the files of the sample apps, as agents see it. */
  samplesDir: string;
  /** Folder with the cluster's secrets, a file each, as agents see it; without it there are none. */
  secretsDir?: string;
  /** Where Mesos-DNS sends other names unless the configuration says so; without it to the system's resolvers. */
  resolvers?: readonly string[];
  /** The cluster's own network in Docker. */
  subnet?: string;
  /** Which of the image sets suits the engine, where the configuration leaves it open. */
  imageSet?: ImageSetName;
  /** Real programs found on this machine, of the components that are to run by them in `process`. */
  programs?: Readonly<Partial<Record<Component, Program>>>;
}

/** A real program as it is run on this machine. */
export interface Program {
  /** What to execute, by its whole path, and the arguments that come before the service's own. */
  command: readonly [string, ...string[]];
  version: string;
}

/** How a service shows that it is ready: a protocol's answer, never a mere connection. */
export type Probe =
  | { kind: 'zookeeper-srvr'; host: string; port: number }
  | { kind: 'mesos-master'; url: string }
  | { kind: 'mesos-agent'; url: string }
  | { kind: 'marathon'; url: string }
  | { kind: 'dns'; host: string; port: number; name: string };

/**
 * The container of a service that has one to itself: what a runtime must give it beyond its image, arguments, variables
 * and files. It joins its node's network, so addresses, ports and host entries are none of its matters.
 */
export interface ContainerPlan {
  /** Instead of the image's own; the service's arguments follow it. Undefined: the image's. */
  entrypoint?: readonly [string, ...string[]];
  /** A user of the image; undefined: the image's. */
  user?: string;
  /** `linux/amd64` where the image has no other and the engine may have to emulate it. */
  platform?: string;
  /** An init as the first process, for programs that as such would ignore SIGTERM. */
  init: boolean;
  /** Whether the engine starts it again when its program ends, as leaders do that are leaders no more. */
  restart: boolean;
  /** Sees the processes of the engine's machine, task containers' among them. */
  hostPid: boolean;
  capabilities: { add: readonly string[]; drop: readonly string[] };
  /** Paths of the engine's machine. */
  binds: readonly { source: string; target: string; readOnly: boolean }[];
  /** Paths that are kept in volumes of the node's when the container is made anew. */
  volumes: readonly string[];
  /**
   * Programs of another image that it is given: all that is in `folder` there, read-only at `target`, by a volume of the
   * cluster's that is filled before the first container has it.
   */
  programs?: { image: string; folder: string; volume: string; target: string };
  /** Bytes. */
  memory?: number;
  /**
   * Signals to the container's first process, a supervisor: the program alone is ended and kept ended, or started
   * again. So the service is stopped and started; with its container its tasks would end. Undefined: the container is
   * stopped and started.
   */
  supervisor?: {
    stop: string;
    start: string;
    /** A file that is there while the program is kept ended. */
    stoppedFile: string;
  };
}

/** A component on a node: what to start, engine-independent but for `image` and `command`. */
export interface ServicePlan {
  component: Component;
  node: string;
  engine: Engine;
  /** The version it claims or the image's tag. */
  version: string;
  image?: string;
  /** The real program as a local process, which is given `args`; its node's host runs it. */
  command?: Program['command'];
  /** How long it may take to get ready where that is longer than others may take. */
  startSeconds?: number;
  /** How the container of its own is made in which a real program runs; undefined for hosted services. */
  container?: ContainerPlan;
  /** Arguments as the real program takes them. */
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  /** Files it reads, written before it starts; paths are absolute as the service sees them. */
  files: readonly { path: string; content: string; mode?: number }[];
  /** Ports it listens on. */
  ports: readonly PortName[];
  /** Its main address for people, reachable from the laptop; undefined for ZooKeeper. */
  url?: string;
  probe: Probe;
  /** Services (`component`) of any node that must answer before this one is worth starting; embedded ones wait by themselves. */
  after: readonly Component[];
}

/** What a runtime starts: a process or a container with one or more of a node's services. */
export interface UnitPlan {
  /** `node-1` for the embedded host, `node-1/zookeeper` for a unit of one service. */
  id: string;
  node: string;
  services: readonly ServicePlan[];
}

export interface NodePlan {
  name: string;
  /** Whether it carries ZooKeeper, a master and Marathon. */
  control: boolean;
  site: NodeSite;
  resources: { cpus: number; mem: number; disk: number; gpus: number };
  attributes: Readonly<Record<string, string>>;
  units: readonly UnitPlan[];
}

export interface Endpoints {
  /** `host:port,host:port,…`, reachable from the laptop like all of these. */
  zookeeper: string;
  mesos: readonly string[];
  marathon: readonly string[];
  mesosDns: readonly string[];
  /** `host:port` of each node's DNS server. */
  dns: readonly string[];
}

/** Everything that will run, decided before anything is started. Pure data, JSON-serialisable. */
export interface ClusterPlan {
  name: string;
  runtime: RuntimeKind;
  engine: Engine | 'mixed';
  domain: string;
  nodes: readonly NodePlan[];
  endpoints: Endpoints;
  /** Makes the random choices of embedded services repeatable. */
  seed?: string;
  /** Hash of what the user decided; tells whether an `up` changes anything. */
  configHash: string;
}
