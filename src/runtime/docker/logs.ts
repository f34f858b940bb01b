import type Docker from 'dockerode';
import type { ClusterPlan, NodePlan, UnitPlan } from '../../plan/types.ts';
import type { Component } from '../../protocols/versions.ts';
import { sleep } from '../../support/retry.ts';
import type { LogLine } from '../types.ts';
import { containerName, isHost } from './containers.ts';
import { statusOf } from './errors.ts';
import { type ContainerLine, createLineReader } from './log-stream.ts';
import { parseNumbered } from './status-file.ts';

export interface LogQuery {
  component?: Component;
  tail?: number;
  since?: number;
  follow: boolean;
  signal: AbortSignal;
}

/** How soon it is looked whether a container that ended runs again. */
const pauseMs = 300;

/** Log lines of a node's containers, oldest first; from a node host's the component's own, where one is asked for. */
export async function* readLogs(
  docker: Docker,
  plan: ClusterPlan,
  node: NodePlan,
  query: LogQuery,
): AsyncGenerator<LogLine> {
  const units = node.units.filter(
    (unit) => query.component === undefined || unit.services.some(({ component }) => component === query.component),
  );
  const past: { stamp: string; line: LogLine }[] = [];
  const last = new Map<string, string>();
  for (const unit of units) {
    const name = containerName(plan, unit);
    const toLine = lineReader(node, unit, query);
    const lines = await readPast(docker, name, query, toLine);
    last.set(name, lines.at(-1)?.stamp ?? '');
    past.push(...lines);
  }
  past.sort((a, b) => (a.stamp < b.stamp ? -1 : a.stamp > b.stamp ? 1 : 0));
  const chosen = query.tail === undefined ? past : past.slice(Math.max(0, past.length - query.tail));
  for (const { line } of chosen) yield line;
  if (query.follow) yield* follow(docker, plan, node, units, last, query);
}

type ToLine = (line: ContainerLine) => LogLine | undefined;

/** Which of a container's lines are wanted, and where they come from. */
function lineReader(node: NodePlan, unit: UnitPlan, query: LogQuery): ToLine {
  return ({ stream, stamp, text }) => {
    const time = Date.parse(stamp);
    if (query.since !== undefined && time < query.since) return undefined;
    if (!isHost(unit)) return { source: unit.id, time, text };
    if (stream === 'stderr') {
      // What Node.js prints as it dies is the node's own; the events are for programs.
      if (parseNumbered(text) || query.component !== undefined) return undefined;
      return { source: node.name, time, text };
    }
    const match = /^([a-z-]+) \| (.*)$/s.exec(text);
    const [name, rest] = match ? [match[1]!, match[2]!] : ['host', text];
    if (query.component !== undefined && name !== query.component) return undefined;
    return { source: name === 'host' ? node.name : `${node.name}/${name}`, time, text: rest };
  };
}

async function readPast(docker: Docker, name: string, query: LogQuery, toLine: ToLine) {
  const wanted = query.tail;
  // The engine counts the lines of all components; mostly a few more of them hold enough of the one.
  const fetches = wanted === undefined ? [undefined] : [wanted * 20 + 200, undefined];
  for (const tail of fetches) {
    const all = await fetchLines(docker, name, tail);
    const lines = all.flatMap((each) => {
      const line = toLine(each);
      return line ? [{ stamp: each.stamp, line }] : [];
    });
    if (tail === undefined || lines.length >= wanted! || all.length < tail) return lines;
  }
  return [];
}

async function fetchLines(docker: Docker, name: string, tail: number | undefined): Promise<ContainerLine[]> {
  try {
    const bytes = await docker.getContainer(name).logs({
      follow: false,
      stdout: true,
      stderr: true,
      timestamps: true,
      ...(tail === undefined ? {} : { tail }),
    });
    return createLineReader()(bytes);
  } catch (error) {
    if (statusOf(error) === 404) return [];
    throw error;
  }
}

async function* follow(
  docker: Docker,
  plan: ClusterPlan,
  node: NodePlan,
  units: readonly UnitPlan[],
  last: ReadonlyMap<string, string>,
  query: LogQuery,
): AsyncGenerator<LogLine> {
  const fresh: LogLine[] = [];
  let wake: (() => void) | undefined;
  const { signal } = query;
  const onAbort = () => wake?.();
  signal.addEventListener('abort', onAbort, { once: true });
  for (const unit of units) {
    const name = containerName(plan, unit);
    const toLine = lineReader(node, unit, query);
    void followContainer(docker, name, last.get(name) ?? '', signal, (each) => {
      const line = toLine(each);
      if (!line) return;
      fresh.push(line);
      wake?.();
    });
  }
  while (!signal.aborted) {
    for (let line = fresh.shift(); line; line = fresh.shift()) yield line;
    if (signal.aborted) break;
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  signal.removeEventListener('abort', onAbort);
}

/** Lines after the one of that time, over all runs of the container, until the signal aborts. */
async function followContainer(
  docker: Docker,
  name: string,
  after: string,
  signal: AbortSignal,
  onLine: (line: ContainerLine) => void,
): Promise<void> {
  let last = after;
  while (!signal.aborted) {
    try {
      const stream = (await docker.getContainer(name).logs({
        follow: true,
        stdout: true,
        stderr: true,
        timestamps: true,
        ...(last === '' ? {} : { since: toSince(last) }),
        abortSignal: signal,
      } as never)) as unknown as NodeJS.ReadableStream;
      const read = createLineReader();
      for await (const chunk of stream)
        for (const line of read(chunk as Buffer)) {
          if (line.stamp <= last) continue;
          last = line.stamp;
          onLine(line);
        }
    } catch {
      // It is being replaced, or the engine restarts: tried again below.
    }
    await sleep(pauseMs, signal).catch(() => {});
  }
}

/** Seconds since 1970 with nanoseconds, as the engine wants it. */
function toSince(stamp: string): string {
  const nanoseconds = /\.(\d{1,9})/.exec(stamp)?.[1] ?? '0';
  return `${Math.floor(Date.parse(stamp) / 1000)}.${nanoseconds.padEnd(9, '0')}`;
}
