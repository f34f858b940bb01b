import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { createControlClient, type HostRecord, type HostSpec } from '../../protocols/control.ts';
import { DevclusterError, messageOf } from '../../support/errors.ts';
import { writeFileAtomic } from '../../support/files.ts';
import { withMachineLock } from '../../support/machine-lock.ts';
import { identify, isAlive, type ProcessIdentity, readStat } from '../../support/process.ts';
import type { NodePaths } from '../paths.ts';
import { fileError } from '../places/file-error.ts';
import { hostVariable } from './processes.ts';

/** What can be known of a node's host without speaking to it. */
export type HostState =
  | { state: 'running' | 'paused'; record: HostRecord }
  /** It ended, and not because it was asked to. */
  | { state: 'failed'; record?: HostRecord }
  | { state: 'stopped'; record?: undefined };

export interface HostProgram {
  nodeBinary: string;
  /** Options of Node.js itself. */
  nodeOptions: readonly string[];
  /** The bundled host. */
  script: string;
}

/** How a host that this process started has ended. */
export interface HostExit extends ProcessIdentity {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** Variables of ours that a host may see. Its services see none of them; the rest could hold secrets. */
const passedOn = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'LANG',
  'LC_ALL',
  'TZ',
  'TMPDIR',
  'SSL_CERT_FILE',
  'DEVCLUSTER_WRITE_CACHES',
];

export function hostState(paths: NodePaths): HostState {
  let text: string;
  try {
    text = readFileSync(paths.pidFile, 'utf8');
  } catch {
    return { state: 'stopped' };
  }
  const record = parseRecord(text);
  if (!record) return { state: 'failed' };
  if (!isAlive(record)) return { state: 'failed', record };
  return { state: isStopped(record.pid) ? 'paused' : 'running', record };
}

function isStopped(pid: number): boolean {
  if (process.platform === 'linux') return readStat(pid)?.state === 'T';
  try {
    return execFileSync('ps', ['-o', 'state=', '-p', String(pid)], { encoding: 'utf8' }).startsWith('T');
  } catch {
    return false;
  }
}

/**
 * Like `hostState`, but a host whose pid file was lost or spoilt is found by its control socket, and gets a new one.
 */
export async function findHost(paths: NodePaths): Promise<HostState> {
  const state = hostState(paths);
  if (state.record || !existsSync(paths.controlSocket)) return state;
  try {
    const { pid, startTime } = await createControlClient(paths.controlSocket, 1_000).status();
    writeRecord(paths, { pid, startTime, controlSocket: paths.controlSocket });
    return hostState(paths);
  } catch {
    return state;
  }
}

function writeRecord(paths: NodePaths, record: HostRecord): void {
  writeFileSync(`${paths.pidFile}.tmp`, JSON.stringify(record), { mode: 0o600 });
  renameSync(`${paths.pidFile}.tmp`, paths.pidFile);
}

/** A file that was cut short or belongs to something else holds no record. */
function parseRecord(text: string): HostRecord | undefined {
  try {
    const record = JSON.parse(text) as HostRecord;
    const valid =
      Number.isInteger(record.pid) &&
      record.pid > 1 &&
      typeof record.startTime === 'string' &&
      typeof record.controlSocket === 'string';
    return valid ? record : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Starts the host of a node, unless it runs: detached, in a session of its own, with its output in `logs/host.log`.
 * Two that start the same node at the same time get one host.
 * @param prepare writes what the services read; called only when the host is to be started
 * @param onExit told of the host's end for as long as this process lives
 * @throws DevclusterError missing: no room, a folder that can't be written, a program that can't be started
 */
export async function startHost(
  paths: NodePaths,
  spec: HostSpec,
  program: HostProgram,
  prepare: () => Promise<void>,
  onExit: (exit: HostExit) => void,
): Promise<void> {
  if (!existsSync(program.script))
    throw new DevclusterError('missing', 'NOT_BUILT', `${program.script} is missing: devcluster is not built`, {
      hint: "Run 'npm run build' in devcluster's folder, or install the package again.",
    });
  await withMachineLock(`node ${paths.folder}`, async () => {
    const { state } = await findHost(paths);
    if (state === 'running' || state === 'paused') return;
    try {
      for (const folder of [paths.folder, paths.logsDir, paths.dataDir])
        mkdirSync(folder, { recursive: true, mode: 0o700 });
      prepareSocketFolder(dirname(spec.controlSocket), paths);
      await prepare();
      await writeFileAtomic(paths.unitFile, JSON.stringify(spec));
      rmSync(spec.controlSocket, { force: true });
      rmSync(paths.pidFile, { force: true });
    } catch (error) {
      throw fileError(error, paths.folder);
    }
    const identity = await launch(paths, spec, program, onExit);
    try {
      writeRecord(paths, { ...identity, controlSocket: spec.controlSocket });
    } catch (error) {
      throw fileError(error, paths.pidFile);
    }
  });
}

async function launch(
  paths: NodePaths,
  spec: HostSpec,
  program: HostProgram,
  onExit: (exit: HostExit) => void,
): Promise<ProcessIdentity> {
  let log: number;
  try {
    log = openSync(join(paths.logsDir, 'host.log'), 'a', 0o600);
  } catch (error) {
    throw fileError(error, paths.logsDir);
  }
  try {
    const variables = passedOn.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    });
    const child = spawn(program.nodeBinary, [...program.nodeOptions, program.script, paths.unitFile], {
      cwd: paths.folder,
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...Object.fromEntries(variables), [hostVariable]: `${paths.folder}/` },
    });
    if (child.pid === undefined) {
      const [error] = await once(child, 'error');
      throw new DevclusterError(
        'missing',
        'HOST_NOT_STARTED',
        `The host of ${spec.node} can't be started: ${messageOf(error)}`,
      );
    }
    child.on('error', () => {});
    const identity = identify(child.pid) ?? { pid: child.pid, startTime: '' };
    child.once('exit', (code, signal) => onExit({ ...identity, code, signal }));
    child.unref();
    return identity;
  } finally {
    closeSync(log);
  }
}

/** A folder for sockets outside of the node's own must be ours alone, since anyone can make one in /tmp. */
function prepareSocketFolder(folder: string, paths: NodePaths): void {
  if (folder === paths.folder) return;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stat = lstatSync(folder);
  if (stat.isDirectory() && stat.uid === process.getuid?.() && (stat.mode & 0o077) === 0) return;
  throw new DevclusterError(
    'missing',
    'UNSAFE_FOLDER',
    `${folder} is open to other users, or is not a folder of yours`,
    {
      hint: 'Remove it, or set XDG_RUNTIME_DIR to a folder that only you can use.',
    },
  );
}
