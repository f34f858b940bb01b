/** Which paths a znode may have. Source: PathUtils of the Java client, which server 3.8 uses too. */

/** Whether `path` names a znode: absolute, no empty, `.` or `..` part, no trailing slash, no control characters. */
export function isValidPath(path: string): boolean {
  if (path === '/') return true;
  if (!path.startsWith('/') || path.endsWith('/')) return false;
  for (let i = 1; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (
      code <= 0x1f ||
      (code >= 0x7f && code <= 0x9f) ||
      (code >= 0xd800 && code <= 0xf8ff) ||
      (code >= 0xfff0 && code <= 0xffff)
    )
      return false;
  }
  return !/\/(?:\.{0,2})(?=\/|$)/.test(path);
}

/** Of `/a` it is `/`. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Znodes that belong to the server: they can't be deleted. */
export const systemPaths: ReadonlySet<string> = new Set(['/', '/zookeeper', '/zookeeper/quota', '/zookeeper/config']);
