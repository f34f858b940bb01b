import { createHash } from 'node:crypto';
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { PortRange } from '../../plan/types.ts';
import { systemCode } from '../../support/errors.ts';
import { writeFileAtomic } from '../../support/files.ts';

/** What one cluster has for itself on this machine, as all users can read it. */
export interface Claim {
  cluster: string;
  uid: number;
  /** The cluster's folder; a claim whose folder is gone is void. */
  folder: string;
  /** Addresses that only this cluster uses. */
  addresses: string[];
  /** Ports of its services, on whichever address. */
  ports: number[];
  /** Blocks of ports on a shared address. */
  blocks: PortRange[];
  taskPorts: PortRange[];
}

/**
 * The folder in which all users of the machine keep their claims, one file a cluster. Not the temporary folder of the
 * environment, which may be each user's own. Read and written under the lock `claimsLock` only.
 */
export const claimsFolder = '/tmp/devcluster-ports';
export const claimsLock = 'ports';

const largestFile = 64 << 10;

/** @returns whether claims can be written there */
export function prepareClaims(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true });
    const stat = lstatSync(folder);
    if (!stat.isDirectory()) return false;
    if (stat.uid === process.getuid?.() && (stat.mode & 0o7777) !== 0o1777) chmodSync(folder, 0o1777);
    else if ((stat.mode & 0o002) === 0 && process.getuid?.() !== 0) return false;
    return true;
  } catch {
    return false;
  }
}

/** All valid claims but those of `except`'s folder. Void ones of this user are removed on the way. */
export function readClaims(folder: string, except?: string): Claim[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  const claims: Claim[] = [];
  for (const name of names) {
    if (!name.endsWith('.json')) continue;
    const path = join(folder, name);
    const claim = readClaim(path);
    if (!claim || claim.folder === except) continue;
    if (!isVoid(claim)) claims.push(claim);
    else if (claim.uid === process.getuid?.()) rmSync(path, { force: true });
  }
  return claims;
}

export function readOwnClaim(folder: string, clusterFolder: string): Claim | undefined {
  return readClaim(claimFile(folder, clusterFolder));
}

export async function writeClaim(folder: string, claim: Claim): Promise<void> {
  await writeFileAtomic(claimFile(folder, claim.folder), JSON.stringify(claim), 0o644);
}

/** Gives up what the cluster of this folder had, and the folder of claims when it was the last. */
export function removeClaim(folder: string, clusterFolder: string): void {
  rmSync(claimFile(folder, clusterFolder), { force: true });
  try {
    rmdirSync(folder);
  } catch {
    // Others have claims, or another user made the folder.
  }
}

export function claimFile(folder: string, clusterFolder: string): string {
  const hash = createHash('sha256').update(clusterFolder).digest('hex').slice(0, 16);
  return join(folder, `${process.getuid?.() ?? 0}-${hash}.json`);
}

/** Written by anybody, so believed only as far as it has the right shape. */
function readClaim(path: string): Claim | undefined {
  try {
    const stat = lstatSync(path);
    if (!stat.isFile() || stat.size > largestFile) return undefined;
    const claim = JSON.parse(readFileSync(path, 'utf8')) as Claim;
    const valid =
      typeof claim.folder === 'string' &&
      isList(claim.addresses, (entry) => typeof entry === 'string') &&
      isList(claim.ports, (entry) => Number.isInteger(entry)) &&
      isList(claim.blocks, isRange) &&
      isList(claim.taskPorts, isRange);
    return valid ? { ...claim, uid: stat.uid } : undefined;
  } catch {
    return undefined;
  }
}

function isList(value: unknown, fits: (entry: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(fits);
}

function isRange(value: unknown): boolean {
  const range = value as PortRange | null;
  return Number.isInteger(range?.begin) && Number.isInteger(range?.end);
}

/** A folder that we may not look into counts as there. */
function isVoid(claim: Claim): boolean {
  if (existsSync(claim.folder)) return false;
  try {
    lstatSync(claim.folder);
    return false;
  } catch (error) {
    return systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR';
  }
}
