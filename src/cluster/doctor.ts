import { existsSync } from 'node:fs';
import { access, constants, stat, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { freemem, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { applyDefaults } from '../config/defaults.ts';
import type { ClusterConfig } from '../config/types.ts';
import { findPrograms } from '../runtime/process/programs.ts';
import { messageOf, systemCode } from '../support/errors.ts';

/** `note`: worth knowing, and fine; `warning`: works, but less well; `failure`: clusters will not run. */
export interface Check {
  name: string;
  state: 'ok' | 'note' | 'warning' | 'failure';
  title: string;
  hint?: string;
}

export interface DoctorInput {
  /** The state folder. */
  root: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Whether registries may be asked for images; nothing else uses the network. */
  network?: boolean;
  /** The choices of images; default: those of a configuration that says nothing. */
  config?: Pick<ClusterConfig, 'components' | 'images'>;
}

type Finding = Omit<Check, 'name'>;

const megabyte = 1024 * 1024;

/** Makes every check; one that can't be made becomes a warning. Never throws. */
export async function runChecks(input: DoctorInput): Promise<Check[]> {
  const [own, docker] = await Promise.all([runOwnChecks(input), runDockerChecks(input)]);
  return [...own, ...docker];
}

async function runDockerChecks({ env, network = false, config }: DoctorInput): Promise<Check[]> {
  try {
    const { checkDocker } = await import('./doctor-docker.ts');
    return await checkDocker({ env, network, config: config ?? applyDefaults({}, 'doctor') });
  } catch (error) {
    return [{ name: 'docker', state: 'warning', title: `docker can't be checked: ${messageOf(error)}` }];
  }
}

function runOwnChecks(input: DoctorInput): Promise<Check[]> {
  const checks: Record<string, () => Finding | Promise<Finding>> = {
    node: checkNode,
    state: () => checkStateFolder(input.root),
    disk: () => checkDisk(input.root),
    memory: checkMemory,
    loopback: checkLoopback,
    'dns-port': checkDnsPort,
    zookeeper: () => checkZooKeeper(input.env),
  };
  return Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      try {
        return { name, ...(await check()) };
      } catch (error) {
        return { name, state: 'warning' as const, title: `${name} can't be checked: ${messageOf(error)}` };
      }
    }),
  );
}

function checkNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 17)) return { state: 'ok', title: `Node.js ${process.versions.node}` };
  return {
    state: 'failure',
    title: `Node.js ${process.versions.node} is too old`,
    hint: 'devcluster needs Node.js 20.17 or newer.',
  };
}

async function checkStateFolder(root: string): Promise<Finding> {
  const folder = nearestFolder(root);
  try {
    if (!(await stat(folder)).isDirectory()) throw new Error(`${folder} is no folder`);
    await access(folder, constants.W_OK | constants.X_OK);
    return { state: 'ok', title: `${root} can be written` };
  } catch (error) {
    return {
      state: 'failure',
      title: `${root} can't be written: ${messageOf(error)}`,
      hint: 'devcluster keeps clusters there; give yourself the right, or set XDG_STATE_HOME.',
    };
  }
}

/** The path itself, or what is there above it. */
function nearestFolder(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : nearestFolder(dirname(path));
}

async function checkDisk(root: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(nearestFolder(root));
  const free = Math.round((bavail * bsize) / megabyte);
  if (free >= 500) return { state: 'ok', title: `${free} MB free on the disk` };
  return {
    state: free >= 50 ? 'warning' : 'failure',
    title: `Only ${free} MB free on the disk of ${root}`,
    hint: 'A cluster needs some 50 MB, and what its apps write.',
  };
}

function checkMemory(): Finding {
  const available = Math.round(freemem() / megabyte);
  const title = `${available} MB of ${Math.round(totalmem() / megabyte)} MB memory free`;
  if (available >= 400) return { state: 'ok', title };
  return { state: 'warning', title, hint: 'A cluster of three nodes needs some 250 MB, and what its apps need.' };
}

async function checkLoopback(): Promise<Finding> {
  const failure = await whyNotBound('127.1.2.3', 0);
  if (!failure) return { state: 'ok', title: 'Every node gets a loopback address of its own' };
  return {
    state: 'note',
    title: 'All nodes share 127.0.0.1, each with a block of ports',
    hint: 'This system has one loopback address only.',
  };
}

async function checkDnsPort(): Promise<Finding> {
  const failure = await whyNotBound('127.1.2.3', 53);
  if (!failure) return { state: 'ok', title: 'Mesos-DNS may listen on port 53' };
  return {
    state: 'note',
    title: `Mesos-DNS will take another port than 53 (${failure})`,
    hint: 'Tools that need the standard port need rights for it; everything else works.',
  };
}

function whyNotBound(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(systemCode(error) ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

/** Only a cluster that asks for the real ZooKeeper needs it. */
function checkZooKeeper(env: DoctorInput['env']): Finding {
  try {
    const version = findPrograms([{ component: 'zookeeper' }], undefined, env)?.zookeeper?.version;
    return {
      state: 'note',
      title: `The real ZooKeeper ${version} is here; clusters use it when components.zookeeper.engine is 'mesos'`,
    };
  } catch (error) {
    return { state: 'note', title: `${messageOf(error)}; the embedded engine needs none of it` };
  }
}
