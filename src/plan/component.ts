import type { ClusterConfig, Engine, NodeConfig, PortName, RuntimeKind } from '../config/types.ts';
import { type Component, versions } from '../protocols/versions.ts';
import { type ChosenImage, imageOf, tagOf } from './image-sets.ts';
import type { ContainerPlan, NodeSite, Probe, ServicePlan, Site } from './types.ts';

/** What a component's plan is made from. */
export interface ComponentContext {
  config: ClusterConfig;
  runtime: RuntimeKind;
  site: Site;
  node: NodeConfig;
  place: NodeSite;
  /** The places of all control nodes, in order. */
  control: readonly NodeSite[];
  engine: Engine;
}

/** `zk://host:port,…` with a path that begins with a slash. */
export function zkUrl(context: ComponentContext, path: string): string {
  return `zk://${zkHosts(context.control)}${path}`;
}

export function zkHosts(control: readonly NodeSite[]): string {
  return control.map((place) => `${place.address}:${place.ports.zookeeper}`).join(',');
}

export function isDevelopment(context: ComponentContext): boolean {
  return context.config.timing === 'development';
}

/** A program's settings by name; `true` is a switch, undefined and null leave it out. */
export type Settings = Readonly<Record<string, string | number | true | null | undefined>>;

/**
 * The plan's settings under those of the user: the user's flags win, and a setting that the user gives as a variable
 * is left out here, since some programs refuse to be told twice.
 * @param prefix of the variables that stand for flags
 */
export function mergeSettings(
  planned: Settings,
  user: { flags: Readonly<Record<string, string | null>>; env: Readonly<Record<string, string>> },
  prefix: string,
): Map<string, string | true> {
  const merged = new Map<string, string | true>();
  for (const [name, value] of Object.entries(planned)) {
    if (value === undefined || value === null) continue;
    if (`${prefix}${name.toUpperCase()}` in user.env) continue;
    merged.set(name, value === true ? true : String(value));
  }
  for (const [key, value] of Object.entries(user.flags)) {
    const name = key.replace(/^--/, '').replaceAll('-', '_');
    if (value === null) merged.delete(name);
    else merged.set(name, value);
  }
  return merged;
}

/** The parts of a service's plan that are alike for all components. */
export function servicePlan(
  component: Component,
  context: ComponentContext,
  details: {
    args: readonly string[];
    env?: Readonly<Record<string, string>>;
    files?: ServicePlan['files'];
    startSeconds?: number;
    /** What the real program's container needs beyond what all have. */
    container?: Partial<ContainerPlan>;
    ports: readonly PortName[];
    url?: string;
    probe: Probe;
    after: readonly Component[];
  },
): ServicePlan {
  const own = context.config.components[component];
  const real = context.engine === 'mesos';
  const program = real && context.runtime === 'process' ? context.site.programs?.[component] : undefined;
  const image = real && context.runtime === 'docker' ? realImage(context, component) : undefined;
  return {
    component,
    node: context.node.name,
    engine: context.engine,
    version: real
      ? (program?.version ?? (image ? tagOf(image.reference) : (own.version ?? 'latest')))
      : embeddedVersion(component),
    ...(image ? { image: image.reference, container: containerPlan(image, details.container) } : {}),
    ...(details.startSeconds === undefined ? {} : { startSeconds: details.startSeconds }),
    ...(program ? { command: program.command } : {}),
    args: details.args,
    env: { ...details.env, ...own.env },
    files: details.files ?? [],
    ports: details.ports,
    ...(details.url === undefined ? {} : { url: details.url }),
    probe: details.probe,
    after: details.after,
  };
}

/** The image of a component that runs by the real program. */
export function realImage({ config, site }: ComponentContext, component: Component): ChosenImage {
  return imageOf(config, component, site.imageSet ?? 'clusterd');
}

/** A container like any other, but for what the image and the component need. */
function containerPlan(image: ChosenImage, own: Partial<ContainerPlan> = {}): ContainerPlan {
  const [platform, ...others] = image.platforms;
  return {
    ...(image.entrypoint ? { entrypoint: image.entrypoint } : {}),
    ...(image.user === undefined ? {} : { user: image.user }),
    // The only one it is published for, whatever the engine's machine is.
    ...(platform !== undefined && others.length === 0 ? { platform } : {}),
    init: false,
    restart: true,
    hostPid: false,
    capabilities: { add: [], drop: [] },
    binds: [],
    volumes: [],
    ...own,
  };
}

/** What the embedded server of a component claims to be. */
function embeddedVersion(component: Component): string {
  switch (component) {
    case 'zookeeper':
      return versions.zookeeper;
    case 'mesos-master':
    case 'mesos-agent':
      return versions.mesos;
    case 'marathon':
      return versions.marathon;
    case 'mesos-dns':
      return versions.mesosDns;
  }
}

/** A published port as the laptop reaches it. */
export function publishedUrl(place: NodeSite, port: PortName): string {
  const { host, port: number } = place.published[port];
  return `http://${host}:${number}`;
}
