/** An image reference taken apart as the Docker engine does it. */
export interface Reference {
  /** `docker.io` where none is said. */
  registry: string;
  /** With `library/` where the engine adds it. */
  repository: string;
  tag: string | undefined;
  /** `sha256:…` */
  digest: string | undefined;
}

/** The first part is a registry when it looks like a host: with a dot or a port, or `localhost`. */
export function parseReference(text: string): Reference {
  const [named = '', digest] = text.split('@');
  const slash = named.indexOf('/');
  const first = named.slice(0, slash);
  const hasRegistry = slash > 0 && (/[.:]/.test(first) || first === 'localhost');
  const registry = hasRegistry && !/^(index\.)?docker\.io$/.test(first) ? first : 'docker.io';
  const rest = hasRegistry ? named.slice(slash + 1) : named;
  const colon = rest.lastIndexOf(':');
  const isTag = colon > rest.lastIndexOf('/');
  const path = isTag ? rest.slice(0, colon) : rest;
  return {
    registry,
    repository: registry === 'docker.io' && !path.includes('/') ? `library/${path}` : path,
    tag: isTag ? rest.slice(colon + 1) : digest === undefined ? 'latest' : undefined,
    digest,
  };
}

/** The reference without tag and digest, as it was written. */
export function nameOf(text: string): string {
  const [named = ''] = text.split('@');
  const colon = named.lastIndexOf(':');
  return colon > named.lastIndexOf('/') ? named.slice(0, colon) : named;
}
