import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { HostRecord, HostSpec } from '../../protocols/control.ts';
import type { Component } from '../../protocols/versions.ts';
import { type Clock, createMovableClock } from '../../support/clock.ts';
import { createLogger, type Logger } from '../../support/logger.ts';
import { createNetwork } from '../../support/network.ts';
import { identify, type ProcessIdentity } from '../../support/process.ts';
import { seededRandom } from '../../support/random.ts';
import { createScope } from '../../support/scope.ts';
import type { LoadComponent } from './components.ts';
import { type ControlServer, createControlServer } from './control-server.ts';
import { endGuests } from './guests.ts';
import { createLogFile, type LogFile } from './log-file.ts';
import { programStart } from './program.ts';
import { createReporter } from './status-file.ts';
import { createLogStream } from './stream-log.ts';
import { type Supervisor, supervise } from './supervisor.ts';

export interface Host {
  /** Of the host itself; each service has its own. */
  readonly log: Logger;
  /** Resolves when the start of every service succeeded or failed. */
  readonly started: Promise<void>;
  /** Puts everything that was logged into the files. */
  flush(): void;
  /** Ends the services in order, and everything of the host. */
  stop(): Promise<void>;
}

const dayMs = 24 * 3600_000;

/**
 * Runs a node's services in this process, each with its own arguments, variables, log file and network.
 * Resolves when the control socket listens and the services are being started.
 * @throws when the node's folders can't be written or the socket can't be opened
 */
export async function runHost(spec: HostSpec, load: LoadComponent, clock: Clock): Promise<Host> {
  const scope = createScope();
  const { logsDir } = spec;
  mkdirSync(dirname(spec.controlSocket), { recursive: true, mode: 0o700 });
  if (logsDir !== undefined) mkdirSync(logsDir, { recursive: true, mode: 0o700 });
  const stdout = logsDir === undefined ? createLogStream(1) : undefined;
  const files: LogFile[] = [];
  const openLog = (name: string): { file: LogFile; log: Logger } => {
    const file = stdout ? stdout.open(name) : createLogFile(join(logsDir ?? '', `${name}.log`));
    files.push(file);
    scope.defer(() => file.close());
    return { file, log: createLogger(file.write, name) };
  };
  const { log } = openLog('host');
  try {
    const supervisors = new Map<Component, Supervisor>();
    let cut = spec.cut;
    const appClock = createMovableClock(clock);
    const aheadMs = () => Math.round(appClock.monotonic() - clock.monotonic());
    const seed = spec.seed === undefined ? undefined : `${spec.seed}/${spec.node}/${countStart(spec)}`;
    const identity = ownIdentity();
    const control = createControlServer(
      {
        status: () => ({
          ...identity,
          cluster: spec.cluster,
          node: spec.node,
          cut,
          clock: { aheadMs: aheadMs() },
          services: [...supervisors.values()].map((supervisor) => supervisor.status()),
        }),
        act(component, action) {
          const supervisor = supervisors.get(component);
          if (!supervisor) return undefined;
          log.info('asked to', { action, component });
          return perform(supervisor, action);
        },
        cut(destinations) {
          cut = destinations;
          log.warn(cut.length > 0 ? 'cut off from' : 'no longer cut off', cut.length > 0 ? { cut } : {});
          for (const supervisor of supervisors.values()) supervisor.cut(destinations);
        },
        async advance(ms) {
          log.info('the time of apps moves on', { ms });
          await appClock.advance(ms);
          return { aheadMs: aheadMs() };
        },
      },
      log,
    );
    const reporter =
      spec.statusFile === undefined
        ? undefined
        : createReporter(spec.statusFile, createLogStream(2), () =>
            [...supervisors.values()].map((supervisor) => supervisor.status()),
          );
    for (const service of spec.services) {
      const { component, program } = service;
      const own = openLog(component);
      supervisors.set(
        component,
        supervise({
          service,
          load: program ? async () => programStart(program, own.file.write) : load[component],
          log: own.log,
          clock,
          appClock,
          random: seed === undefined ? Math.random : seededRandom(`${seed}/${component}`),
          createNetwork: () => createNetwork(spec.address),
          cut,
          onEvent(event) {
            if (event.type === 'service-exited')
              log.error(`${event.component} ended`, { code: event.code, reason: event.reason });
            else log.info(`${event.component} ${event.type === 'service-ready' ? 'is ready' : 'was stopped'}`);
            control.publish(event);
            reporter?.report(event);
          },
        }),
      );
    }
    writeFiles(spec);
    writeRecord(spec, identity);
    scope.defer(() => removeRecord(spec, identity));
    await listen(spec, control);
    scope.defer(() => control.close());
    scope.defer(() => stopInOrder([...supervisors.values()], log));
    if (spec.alone)
      scope.defer(async () => {
        // The agent goes first: it would report the end of its tasks as failures.
        await supervisors.get('mesos-agent')?.stop();
        await endGuests(clock);
      });
    if (spec.keepFresh.length > 0) scope.defer(clock.every(dayMs, () => refresh(spec.keepFresh)));

    const started = Promise.all([...supervisors.values()].map((supervisor) => supervisor.start())).then(() =>
      log.info('services were started', { afterMs: Math.round(performance.now()) }),
    );
    return {
      log,
      started,
      flush: () => {
        for (const file of files) file.flush();
      },
      stop: () => scope.close(),
    };
  } catch (error) {
    await scope.close();
    throw error;
  }
}

function writeFiles({ files = [] }: HostSpec): void {
  for (const { path, content, mode = 0o600 } of files) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, content, { mode });
  }
}

async function perform(supervisor: Supervisor, action: 'start' | 'stop' | 'restart') {
  if (action !== 'start') await supervisor.stop();
  if (action !== 'stop') await supervisor.start();
  return supervisor.status();
}

/** Last started, first stopped: nobody is asked to go on without those it needs. */
async function stopInOrder(supervisors: Supervisor[], log: Logger): Promise<void> {
  for (const supervisor of supervisors.reverse()) await supervisor.stop();
  log.info('all services were stopped');
}

/** Counts the starts of this node: a service that is started again must not draw the ids of its last run. */
function countStart(spec: HostSpec): number {
  const file = `${spec.pidFile}.starts`;
  let count = 1;
  try {
    count += Number(readFileSync(file, 'utf8'));
  } catch {
    // The first one.
  }
  writeFileSync(file, String(count), { mode: 0o600 });
  return count;
}

function ownIdentity(): ProcessIdentity {
  return identify(process.pid) ?? { pid: process.pid, startTime: '' };
}

/**
 * The runtime, which started this process, writes the same record; whichever comes first, the node is never running
 * without one.
 */
function writeRecord(spec: HostSpec, identity: ProcessIdentity): void {
  const record: HostRecord = { ...identity, controlSocket: spec.controlSocket };
  const temporary = `${spec.pidFile}.${process.pid}`;
  writeFileSync(temporary, JSON.stringify(record), { mode: 0o600 });
  renameSync(temporary, spec.pidFile);
}

function removeRecord(spec: HostSpec, identity: ProcessIdentity): void {
  try {
    const record = JSON.parse(readFileSync(spec.pidFile, 'utf8')) as HostRecord;
    if (record.pid === identity.pid) rmSync(spec.pidFile, { force: true });
  } catch {
    // Somebody removed it, with the folder it was in.
  }
}

async function listen(spec: HostSpec, control: ControlServer): Promise<void> {
  rmSync(spec.controlSocket, { force: true });
  await control.listenPath(spec.controlSocket);
  chmodSync(spec.controlSocket, 0o600);
}

function refresh(paths: readonly string[]): void {
  const now = new Date();
  for (const path of paths) {
    try {
      utimesSync(path, now, now);
    } catch {
      // It is gone; nothing left to keep.
    }
  }
}
