/** Identities and access control lists: the schemes world, auth, digest, ip and super as ZooKeeper 3.8 has them. */
import { createHash } from 'node:crypto';
import { errorCodes, perms } from '../../../protocols/zookeeper/constants.ts';
import type { Acl } from '../../../protocols/zookeeper/records.ts';
import { Refusal } from './refusal.ts';

/** What a connection has proved to be. */
export interface Identity {
  scheme: string;
  id: string;
}

/** Everything for everybody: what most nodes have. */
export const openAcl: readonly Acl[] = Object.freeze([{ perms: perms.all, scheme: 'world', id: 'anyone' }]);

/** `user:` and the base64 of the SHA-1 of `user:password`. */
export function digestOf(credentials: string | Buffer): string {
  const text = credentials.toString('utf8');
  return `${text.split(':', 1)[0]}:${createHash('sha1').update(credentials).digest('base64')}`;
}

/** The schemes that `addauth` takes. `ip` is accepted and changes nothing: every connection has its address already. */
export function authenticate(
  scheme: string,
  credentials: Buffer,
  superDigest: string | undefined,
): Identity[] | undefined {
  if (scheme === 'ip') return [];
  if (scheme !== 'digest') return undefined;
  const id = digestOf(credentials);
  const identities: Identity[] = [{ scheme, id }];
  if (superDigest !== undefined && id === superDigest) identities.unshift({ scheme: 'super', id: '' });
  return identities;
}

/** The list as it is stored: `auth` becomes the caller's identities. @throws Refusal invalidACL */
export function storedAcl(acl: readonly Acl[], identities: readonly Identity[]): readonly Acl[] {
  const [only] = acl;
  if (acl.length === 1 && only?.perms === perms.all && only.scheme === 'world' && only.id === 'anyone') return openAcl;
  const stored: Acl[] = [];
  const seen = new Set<string>();
  for (const entry of acl) {
    const { perms: bits, scheme, id } = entry;
    const key = `${bits} ${scheme} ${id}`;
    if (seen.has(key)) continue;
    seen.add(key);
    if (scheme === 'world' && id === 'anyone') stored.push({ perms: bits, scheme, id });
    else if (scheme === 'auth') {
      const proved = identities.filter((identity) => identity.scheme === 'digest');
      if (proved.length === 0) throw new Refusal(errorCodes.invalidACL);
      for (const identity of proved) stored.push({ perms: bits, scheme: identity.scheme, id: identity.id });
    } else if (
      (scheme === 'digest' && id.replace(/:+$/, '').split(':').length === 2) ||
      (scheme === 'ip' && parseIpRange(id))
    )
      stored.push({ perms: bits, scheme, id });
    else throw new Refusal(errorCodes.invalidACL);
  }
  if (stored.length === 0) throw new Refusal(errorCodes.invalidACL);
  return stored;
}

/** Whether the list gives one of `identities` one of the bits of `permission`. */
export function permits(acl: readonly Acl[], permission: number, identities: readonly Identity[]): boolean {
  if (acl.length === 0 || identities.some((identity) => identity.scheme === 'super')) return true;
  return acl.some(
    ({ perms: bits, scheme, id }) =>
      (bits & permission) !== 0 &&
      ((scheme === 'world' && id === 'anyone') ||
        identities.some(
          (identity) =>
            identity.scheme === scheme && (scheme === 'ip' ? inIpRange(identity.id, id) : identity.id === id),
        )),
  );
}

/** Without the secret part of digests. */
export function maskedAcl(acl: readonly Acl[]): Acl[] {
  return acl.map((entry) =>
    entry.scheme === 'digest' ? { ...entry, id: `${entry.id.slice(0, entry.id.indexOf(':'))}:x` } : entry,
  );
}

function parseIpRange(range: string): { address: number; bits: number } | undefined {
  const slash = range.indexOf('/');
  const address = parseIpv4(slash < 0 ? range : range.slice(0, slash));
  if (address === undefined) return undefined;
  const bitsText = slash < 0 ? '32' : range.slice(slash + 1);
  const bits = /^\d+$/.test(bitsText) ? Number(bitsText) : 33;
  return bits <= 32 ? { address, bits } : undefined;
}

function inIpRange(ip: string, range: string): boolean {
  const parsed = parseIpRange(range);
  const address = parseIpv4(ip);
  if (!parsed || address === undefined) return ip === range;
  return parsed.bits === 0 || (address ^ parsed.address) >>> (32 - parsed.bits) === 0;
}

function parseIpv4(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let address = 0;
  for (const part of parts) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return undefined;
    address = (address << 8) | Number(part);
  }
  return address >>> 0;
}
