import type { Component } from '../protocols/versions.ts';

/** When one service could begin, and when it was seen to do its part. Milliseconds on the clock of the whole `StartUp`. */
export interface ServiceMoments {
  /** `node-2/marathon` */
  id: string;
  component: Component;
  /** Components that it needs. */
  after: readonly Component[];
  /** Its container, or the process that hosts it, had been started; undefined for one that ran before. */
  startedMs: number | undefined;
  /** The last question to which it did not answer that it is ready was put then, or it said then that it had become so. */
  notReadyMs: number | undefined;
  readyMs: number;
}

/** What happened between the moment when nothing had to be fetched any more and the one when `up` knew all to be ready. */
export interface StartUp {
  imagesMs: number;
  /** The runtime was asked for the first container or process. */
  askedMs: number;
  readyMs: number;
  services: readonly ServiceMoments[];
}

/** One service's part of the slowest chain. */
export interface Link {
  id: string;
  /** From its begin to the last moment at which it is known not to have been ready. */
  ownMs: number;
  /** From then until it was seen to be ready. */
  noticedMs: number;
}

export interface ServiceShare {
  id: string;
  /** Since the images were there. */
  startedMs: number | undefined;
  readyMs: number;
  /** From its begin to its ready. */
  ownMs: number;
}

/** Where the time of an `up` went. */
export interface Breakdown {
  /** From the images to ready. */
  totalMs: number;
  /** In the order in which they were ready. */
  services: readonly ServiceShare[];
  /** From the service that all others waited for to the one that was ready last. */
  chain: readonly Link[];
  /** What the services of the chain took for themselves. */
  chainMs: number;
  /** All else: what was not spent by the services of the slowest chain. */
  rest: {
    totalMs: number;
    /** Until the runtime was asked for the first container. */
    planningMs: number;
    /** From then until the first service of the chain could begin: the Docker engine's work, for the most part. */
    startingMs: number;
    /** Services of the chain may have been ready before that was noticed. */
    noticingMs: number;
    /** From the last one's ready to the end. */
    afterMs: number;
  };
}

/** Servers of these do nothing for others before a majority of them runs. */
const ensembles: readonly Component[] = ['zookeeper', 'mesos-master'];

/**
 * Divides the time of an `up`. A service begins when its container (or process) was started and what it needs was there:
 * of each component that it comes after the first service that was ready, and of servers that elect one of them the
 * start of a majority. Its own start-up lasts from then until it was ready; what it waited for is not its own.
 *
 * The slowest chain is what really happened: from the service that was ready last, back to the one whose ready it waited
 * for, and so on to one that only waited for containers. Everything outside of its links is what devcluster and the
 * engine added. That a service was ready is known by an answer; how long before it was so is not, so all the time since
 * it last was not ready counts as not its own: the rest is never told smaller than it was.
 */
export function breakDown({ imagesMs, askedMs, readyMs, services }: StartUp): Breakdown {
  const firstReady = (component: Component) => earliest(services.filter((each) => each.component === component));
  const startOf = (service: ServiceMoments) => {
    const own = service.startedMs ?? imagesMs;
    if (!ensembles.includes(service.component)) return own;
    const peers = services
      .filter(({ component }) => component === service.component)
      .map(({ startedMs }) => startedMs ?? imagesMs);
    peers.sort((a, b) => a - b);
    return Math.max(own, peers[peers.length >> 1] ?? own);
  };
  /** @param by nothing after that moment was waited for */
  const beginOf = (service: ServiceMoments, by: number) => {
    const needed = service.after
      .flatMap((component) => firstReady(component) ?? [])
      .reduce<ServiceMoments | undefined>(
        (last, each) => (last && last.readyMs >= each.readyMs ? last : each),
        undefined,
      );
    const started = Math.min(startOf(service), by);
    if (!needed || needed.readyMs <= started) return { ms: started, needed: undefined };
    return { ms: Math.min(needed.readyMs, by), needed };
  };

  const chain: Link[] = [];
  let head = readyMs;
  let next = services.reduce<ServiceMoments | undefined>(
    (last, each) => (last && last.readyMs >= each.readyMs ? last : each),
    undefined,
  );
  const lastReadyMs = next?.readyMs ?? readyMs;
  for (let by = lastReadyMs; next; ) {
    const begin = beginOf(next, by);
    const knownMs = Math.min(Math.max(next.notReadyMs ?? begin.ms, begin.ms), by);
    chain.unshift({ id: next.id, ownMs: knownMs - begin.ms, noticedMs: by - knownMs });
    head = by = begin.ms;
    next = begin.needed;
  }
  const chainMs = chain.reduce((sum, { ownMs }) => sum + ownMs, 0);
  return {
    totalMs: readyMs - imagesMs,
    services: [...services]
      .sort((a, b) => a.readyMs - b.readyMs)
      .map((service) => ({
        id: service.id,
        startedMs: service.startedMs === undefined ? undefined : service.startedMs - imagesMs,
        readyMs: service.readyMs - imagesMs,
        ownMs: service.readyMs - beginOf(service, service.readyMs).ms,
      })),
    chain,
    chainMs,
    rest: {
      totalMs: readyMs - imagesMs - chainMs,
      planningMs: Math.min(askedMs, head) - imagesMs,
      startingMs: Math.max(0, head - askedMs),
      noticingMs: chain.reduce((sum, { noticedMs }) => sum + noticedMs, 0),
      afterMs: readyMs - lastReadyMs,
    },
  };
}

function earliest(services: readonly ServiceMoments[]): ServiceMoments | undefined {
  return services.reduce<ServiceMoments | undefined>(
    (first, each) => (first && first.readyMs <= each.readyMs ? first : each),
    undefined,
  );
}

/** For people: a line for each service, the slowest chain, and what is left. */
export function breakdownLines({ totalMs, services, chain, chainMs, rest }: Breakdown): string[] {
  if (services.length === 0) return [];
  const width = Math.max(...services.map(({ id }) => id.length));
  return [
    `Ready ${seconds(totalMs)} s after the images were there. Each service: started after, ready after, its own time`,
    ...services.map(({ id, startedMs, readyMs, ownMs }) => {
      const started = startedMs === undefined ? 'ran' : seconds(startedMs);
      return `  ${id.padEnd(width)}  ${[started, seconds(readyMs), seconds(ownMs)].map((each) => each.padStart(6)).join('  ')}`;
    }),
    `The slowest chain: ${seconds(chainMs)} s (${chain.map(({ id, ownMs }) => `${id} ${seconds(ownMs)}`).join(', ')})`,
    `devcluster's own: ${seconds(rest.totalMs)} s (planning ${seconds(rest.planningMs)}, starting what the chain began with ${seconds(rest.startingMs)}, noticing ${seconds(rest.noticingMs)}, after the last ${seconds(rest.afterMs)})`,
  ];
}

const seconds = (ms: number) => (ms / 1000).toFixed(2);
