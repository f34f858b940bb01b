import { setMaxListeners } from 'node:events';
import type Docker from 'dockerode';
import { labels, nodeContainerName } from '../../plan/docker-names.ts';
import type { ClusterPlan } from '../../plan/types.ts';
import { retry, sleep } from '../../support/retry.ts';
import type { UnitEvent } from '../types.ts';
import { containerName, hasHolder, isHost } from './containers.ts';
import { containersOf } from './containers-of.ts';
import { inspectOnce, stateOf } from './inspect.ts';
import { createLineReader } from './log-stream.ts';
import { parseNumbered, readStatus } from './status-file.ts';

/** How long an engine that went away may take to come back. */
const patienceMs = 2_000;

/** The engine's event, as far as it is used. */
interface EngineEvent {
  Action?: string;
  /** Nanoseconds since 1970. */
  timeNano?: number;
  Actor?: { ID?: string; Attributes?: Record<string, string> };
}

/**
 * Tells what happens to the plan's units until the signal aborts: the engine says which containers start and end, and
 * node hosts write what becomes of their services. Resolves when nothing that happens from then on is missed.
 * @param ending names of containers whose end is no failure
 */
export async function watchUnits(
  docker: Docker,
  plan: ClusterPlan,
  ending: Set<string>,
  onEvent: (event: UnitEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  // A listener for every container, all of which end with the signal.
  setMaxListeners(0, signal);
  const units = new Map(plan.nodes.flatMap((node) => node.units.map((unit) => [containerName(plan, unit), unit])));
  const onEngineEvent = (event: EngineEvent) => {
    const name = event.Actor?.Attributes?.name ?? '';
    const unit = units.get(name);
    if (!unit || signal.aborted) return;
    if (event.Action === 'start') ending.delete(name);
    if (event.Action === 'start' && isHost(unit))
      void watchHost(docker, name, unit.id, { startedAtMs: Math.floor((event.timeNano ?? 0) / 1e6) }, onEvent, signal);
    if (event.Action !== 'die' || ending.has(name)) return;
    const reason = `its container ended with code ${event.Actor?.Attributes?.exitCode ?? '?'}`;
    if (isHost(unit)) onEvent({ type: 'unit-exited', unit: unit.id, reason });
    // The engine starts the programs of others again, which may end because what they need is not there yet.
    else
      for (const { component } of unit.services)
        onEvent({
          type: 'service-exited',
          unit: unit.id,
          component,
          code: Number(event.Actor?.Attributes?.exitCode ?? 1),
          reason,
        });
  };
  const subscribe = async (sinceMs?: number) => {
    const events = await docker.getEvents({
      filters: { type: ['container'], event: ['start', 'die'], label: [`${labels.cluster}=${plan.name}`] },
      ...(sinceMs === undefined ? {} : { since: sinceMs / 1000 }),
      abortSignal: signal,
    } as Docker.GetEventsOptions);
    readJsonLines(events, onEngineEvent, () => void again(Date.now()));
  };
  /** An engine that was restarted goes on telling; one that is gone has nothing of the cluster any more. */
  const again = async (sinceMs: number) => {
    try {
      await sleep(250, signal);
      await retry(() => subscribe(sinceMs), { delayMs: 250, maxDelayMs: 250, timeoutMs: patienceMs, signal });
    } catch {
      if (signal.aborted) return;
      for (const unit of units.values())
        onEvent({ type: 'unit-exited', unit: unit.id, reason: 'the Docker engine has gone away' });
    }
  };
  await subscribe();
  const containers = new Map((await containersOf(docker, plan.name)).map((each) => [each.name, each]));
  const inspect = inspectOnce(docker);
  await Promise.all(
    plan.nodes.flatMap((node) =>
      node.units.filter(isHost).map(async (unit) => {
        const name = containerName(plan, unit);
        const holder = containers.get(nodeContainerName(plan.name, node.name));
        // What a host in a lost network complains of says nothing of the one that takes its place.
        if ((await stateOf(inspect, containers.get(name), hasHolder(node), holder)) !== 'running') return;
        void watchHost(docker, name, unit.id, 'running', onEvent, signal);
      }),
    ),
  );
}

/**
 * Follows a host's events until its container ends: from its present state on, or of one that has just been started,
 * whose status file may still be that of the host before it, from its first event on.
 */
async function watchHost(
  docker: Docker,
  container: string,
  unit: string,
  host: 'running' | { startedAtMs: number },
  onEvent: (event: UnitEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  try {
    // Subscribed first, so that nothing falls between; what both tell is known by its number.
    const stream = (await docker.getContainer(container).logs({
      follow: true,
      stdout: false,
      stderr: true,
      timestamps: true,
      tail: 200,
      abortSignal: signal,
    })) as unknown as NodeJS.ReadableStream;
    stream.pause();
    stream.on('error', () => {});
    const status = await readStatus(docker, container);
    for (const service of host === 'running' ? (status?.services ?? []) : [])
      if (service.state === 'ready') onEvent({ type: 'service-ready', unit, component: service.component });
    // Numbers are of the time of a host's start on; the log still has the lines of the hosts before it.
    const seen = Math.max(status?.number ?? 0, host === 'running' ? 0 : host.startedAtMs * 1000);
    const read = createLineReader();
    stream.on('data', (chunk: Buffer) => {
      for (const { text } of read(chunk)) {
        const event = parseNumbered(text);
        if (!event || event.number <= seen || signal.aborted) continue;
        const { number: _, ...rest } = event;
        if (rest.type !== 'service-stopped') onEvent({ ...rest, unit });
      }
    });
    stream.resume();
  } catch {
    // It does not run; the engine tells when it starts, and whoever waits asks the services themselves too.
  }
}

function readJsonLines(stream: NodeJS.ReadableStream, onValue: (value: EngineEvent) => void, onEnd: () => void): void {
  let rest = '';
  stream.on('error', () => {});
  stream.once('close', onEnd);
  stream.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString('utf8')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines)
      if (line.trim() !== '') {
        try {
          onValue(JSON.parse(line) as EngineEvent);
        } catch {
          // Not for us.
        }
      }
  });
}
