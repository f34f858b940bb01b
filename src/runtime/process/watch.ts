import { type FSWatcher, watch } from 'node:fs';
import { createControlClient } from '../../protocols/control.ts';
import { isAlive, type ProcessIdentity } from '../../support/process.ts';
import { createScope } from '../../support/scope.ts';
import type { NodePaths } from '../paths.ts';
import type { UnitEvent } from '../types.ts';
import { type HostExit, hostState } from './hosts.ts';
import { lastLines } from './log-files.ts';

/** Ends of hosts that this process started, told at once and with what only a parent learns. */
export interface HostExits {
  find(identity: ProcessIdentity): HostExit | undefined;
  /** Calls when there is a new one or a host was started; @returns how to end it */
  onChange(listener: () => void): () => void;
}

/**
 * Tells what happens to one node's unit until the signal aborts: through the host's control socket while there is one,
 * and by looking at the process when the socket's stream ends. A unit that has failed before is not told of.
 */
export async function watchUnit(
  unit: string,
  paths: NodePaths,
  exits: HostExits,
  onEvent: (event: UnitEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const before = hostState(paths);
  /** The hosts whose end is known already. */
  const ended = new Set(before.state === 'failed' && before.record ? [keyOf(before.record)] : []);
  for (let idleMs = 5; !signal.aborted; ) {
    const { record } = hostState(paths);
    if (!record || ended.has(keyOf(record))) {
      await change(paths.folder, exits, 500, signal);
      idleMs = 5;
      continue;
    }
    const connected = await createControlClient(record.controlSocket)
      .events((event) => {
        if (event.type !== 'service-stopped') onEvent({ ...event, unit });
      }, signal)
      .then(
        () => true,
        () => false,
      );
    if (signal.aborted) return;
    if (connected) idleMs = 5;
    // A killed process holds on for a moment after its sockets are closed.
    if (await endsSoon(record, connected ? 50 : 0)) {
      ended.add(keyOf(record));
      onEvent({ type: 'unit-exited', unit, reason: await reasonOf(record, paths, exits) });
    } else {
      await change(paths.folder, exits, idleMs, signal);
      idleMs = Math.min(idleMs * 2, 250);
    }
  }
}

const keyOf = (identity: ProcessIdentity) => `${identity.pid}/${identity.startTime}`;

async function endsSoon(identity: ProcessIdentity, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (isAlive(identity)) {
    if (performance.now() >= deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return true;
}

async function reasonOf(identity: ProcessIdentity, paths: NodePaths, exits: HostExits): Promise<string> {
  // The parent hears of it by a signal of its own, a moment after others can see it.
  if (!exits.find(identity)) await new Promise((resolve) => setTimeout(resolve, 5));
  const exit = exits.find(identity);
  const how = exit?.signal
    ? `was ended by ${exit.signal}`
    : exit && exit.code !== null
      ? `ended with code ${exit.code}`
      : 'ended';
  const lines = await lastLines(paths.logsDir, 'host', 5);
  const said = lines.length > 0 ? `; the last lines of its log:\n${lines.map((line) => `  ${line}`).join('\n')}` : '';
  return `the node's process (${identity.pid}) ${how}${said}`;
}

/** Waits until something in the folder or among our children changes, at most `limitMs`, or the signal aborts. */
async function change(folder: string, exits: HostExits, limitMs: number, signal: AbortSignal): Promise<void> {
  const scope = createScope();
  await new Promise<void>((resolve) => {
    const done = () => resolve();
    const timer = setTimeout(done, limitMs);
    scope.defer(() => clearTimeout(timer));
    scope.defer(exits.onChange(done));
    signal.addEventListener('abort', done, { once: true });
    scope.defer(() => signal.removeEventListener('abort', done));
    try {
      const watcher: FSWatcher = watch(folder, done);
      watcher.on('error', () => {});
      scope.defer(() => watcher.close());
    } catch {
      // The folder is not there yet, or the system has no more watches: the time limit remains.
    }
  });
  await scope.close();
}
