export interface Server {
  host: string;
  port: number;
}

export interface ConnectString {
  /** At least one. */
  servers: Server[];
  /** '' or a path without trailing slash. */
  chroot: string;
}

/** Parses `host:port,[::1]:2181,host/chroot`; the port defaults to 2181. @throws RangeError that says what is wrong */
export function parseConnectString(text: string): ConnectString {
  const slash = text.indexOf('/');
  const list = slash < 0 ? text : text.slice(0, slash);
  const chroot = slash < 0 ? '' : text.slice(slash).replace(/\/$/, '');
  if (chroot && !isPath(chroot))
    throw new RangeError(`The ZooKeeper servers '${text}' have the malformed chroot '${chroot}'`);
  const servers: Server[] = [];
  for (const part of list.split(',')) {
    const trimmed = part.trim();
    if (!trimmed) continue;
    const match = /^(?:\[([^\]]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(trimmed);
    const port = Number(match?.[3] ?? 2181);
    if (!match || port < 1 || port > 65535)
      throw new RangeError(`'${trimmed}' is no ZooKeeper server: expected host:port`);
    servers.push({ host: match[1] ?? match[2]!, port });
  }
  if (servers.length === 0)
    throw new RangeError(`'${text}' names no ZooKeeper server: expected host:port,host:port/path`);
  return { servers, chroot };
}

/** Whether ZooKeeper takes it as a path: absolute, no empty, `.` or `..` segment, no trailing slash. */
export function isPath(path: string): boolean {
  return path === '/' || /^(?:\/(?!\.{1,2}(?:\/|$))[^/\0]+)+$/.test(path);
}
