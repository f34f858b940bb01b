import { DevclusterError } from '../support/errors.ts';

/** What a cluster may be called: it names folders, addresses, labels and a DNS label. */
export const clusterNamePattern = /^[a-z][a-z0-9-]{0,30}$/;
/** What a node may be called: one label of a host name. */
export const nodeNamePattern = /^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$/;

export const clusterNameRule = 'at most 31 small letters, digits and hyphens, beginning with a letter';

/** @throws DevclusterError usage */
export function checkClusterName(name: string): string {
  if (clusterNamePattern.test(name)) return name;
  throw new DevclusterError('usage', 'BAD_CLUSTER_NAME', `'${name}' can't be the name of a cluster`, {
    hint: `Use ${clusterNameRule}.`,
  });
}

/** The name of a cluster that nobody gave one: `dev-<user>`. */
export function defaultClusterName(user: string): string {
  const plain = user
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return `dev-${plain || 'user'}`.slice(0, 31);
}
