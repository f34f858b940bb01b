import { randomUUID } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { clusterNamePattern } from '../config/names.ts';
import type { ClusterConfig, Engine, RawConfig, RuntimeKind } from '../config/types.ts';
import type { ClusterPlan, Site } from '../plan/types.ts';
import { type StatePaths, statePaths } from '../runtime/paths.ts';
import { DevclusterError, messageOf, systemCode } from '../support/errors.ts';
import { makeFolder, readTextIfExists, writeFileAtomic } from '../support/files.ts';
import type { ClusterOwner } from './owner.ts';

/**
 * What a cluster was made with, in `<state>/<name>/cluster.json`; written before anything is started, so that it can
 * be removed whatever happened.
 *
 * `creating`: never was ready; `up`; `stopped`: on request, as a whole; `kept`: taken down with its data kept.
 */
export interface ClusterRecord {
  format: 1;
  name: string;
  /** Tells clusters of the same name apart. */
  id: string;
  createdAt: string;
  phase: 'creating' | 'up' | 'stopped' | 'kept';
  runtime: RuntimeKind;
  engine: Engine;
  config: ClusterConfig;
  /** What flags and variables said about the cluster itself, so that a plain `up` keeps it. */
  overrides?: RawConfig;
  /** Undefined while its places are being reserved. */
  site?: Site;
  plan?: ClusterPlan;
  /** Units that still run as an earlier plan had them, because an `up` did not get to its end. */
  outdatedUnits?: readonly string[];
  /** Whose throw-away cluster it is: it goes when its owner goes. */
  owner?: ClusterOwner;
  /** How long the last `up` or `start` took. */
  readyInSeconds?: number;
}

/** A record whose cluster has places and a plan. */
export type PlannedRecord = ClusterRecord & { site: Site; plan: ClusterPlan };

export function isPlanned(record: ClusterRecord | undefined): record is PlannedRecord {
  return record?.plan !== undefined && record.site !== undefined;
}

export interface Records {
  readonly paths: StatePaths;
  /** @throws DevclusterError when it can't be read or understood */
  read(name: string): Promise<ClusterRecord | undefined>;
  /** Makes the cluster's folder when there is none. @throws DevclusterError missing when it can't be written */
  write(record: ClusterRecord): Promise<void>;
  /** Removes the cluster's folder with all that is in it. */
  remove(name: string): Promise<void>;
  /** Names of all clusters that have a folder, sorted. */
  names(): Promise<string[]>;
}

export function newRecord(details: Pick<ClusterRecord, 'name' | 'runtime' | 'engine' | 'config'>): ClusterRecord {
  return { format: 1, id: randomUUID(), createdAt: new Date().toISOString(), phase: 'creating', ...details };
}

export function createRecords(env: Readonly<Record<string, string | undefined>>): Records {
  const paths = statePaths(env);
  const fileOf = (name: string) => join(paths.cluster(name).folder, 'cluster.json');
  return {
    paths,
    async read(name) {
      const text = await readTextIfExists(fileOf(name)).catch((error: unknown) => {
        throw stateError(error, fileOf(name));
      });
      return text === undefined ? undefined : parse(text, name, fileOf(name));
    },
    async write(record) {
      try {
        await makeFolder(paths.cluster(record.name).folder);
        await writeFileAtomic(fileOf(record.name), `${JSON.stringify(record)}\n`);
      } catch (error) {
        throw stateError(error, paths.cluster(record.name).folder);
      }
    },
    async remove(name) {
      try {
        await rm(paths.cluster(name).folder, { recursive: true, force: true, maxRetries: 3 });
      } catch (error) {
        throw stateError(error, paths.cluster(name).folder);
      }
    },
    async names() {
      const entries = await readdir(paths.root, { withFileTypes: true }).catch((error: unknown) => {
        if (systemCode(error) === 'ENOENT') return [];
        throw stateError(error, paths.root);
      });
      return entries
        .filter((entry) => entry.isDirectory() && clusterNamePattern.test(entry.name))
        .map((entry) => entry.name)
        .sort();
    },
  };
}

function parse(text: string, name: string, file: string): ClusterRecord {
  let record: Partial<ClusterRecord>;
  try {
    record = JSON.parse(text) as Partial<ClusterRecord>;
  } catch (error) {
    throw damaged(name, file, messageOf(error));
  }
  if (record?.format !== 1 || record.name !== name || !record.config || !record.phase)
    throw damaged(name, file, 'it is not a record of this version');
  return record as ClusterRecord;
}

function damaged(name: string, file: string, why: string): DevclusterError {
  return new DevclusterError(
    'unexpected',
    'RECORD_DAMAGED',
    `The record of '${name}' can't be used: ${why} (${file})`,
    {
      hint: `Remove the cluster with \`devcluster down -c ${name}\`, then run \`devcluster up\` again.`,
    },
  );
}

/** The system's reason why the state folder can't be used, as an error that says what to do. */
function stateError(error: unknown, path: string): unknown {
  const code = systemCode(error);
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new DevclusterError('missing', 'DISK_FULL', `There is no room left on the disk for ${path}`, {
      hint: 'Free some space, or choose another place with XDG_STATE_HOME.',
      cause: error,
    });
  if (['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ENOTDIR', 'EEXIST', 'ENAMETOOLONG', 'ELOOP'].includes(code ?? ''))
    return new DevclusterError('missing', 'STATE_NOT_WRITABLE', `${path} can't be used: ${messageOf(error)}`, {
      hint: 'devcluster keeps what it knows there; give yourself the right, or set XDG_STATE_HOME to another folder.',
      cause: error,
    });
  return error;
}
