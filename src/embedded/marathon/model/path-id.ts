import type { PathId } from '../../../protocols/marathon/types.ts';

/**
 * Paths of apps and groups. An absolute path begins with a slash; any other is relative to the group it stands in.
 * Source: state/PathId.scala of Marathon.
 */

export const rootPath: PathId = '/';

/** The names between the slashes; none for the root. */
export function segments(id: string): string[] {
  return id.split('/').filter((name) => name !== '');
}

export function isAbsolute(id: string): boolean {
  return id.startsWith('/');
}

/** The absolute path of `id` as written inside the group `base`, with `.` and `..` resolved. */
export function canonical(id: string, base: PathId = rootPath): PathId {
  const names = isAbsolute(id) ? segments(id) : [...segments(base), ...segments(id)];
  const result: string[] = [];
  for (const name of names) {
    if (name === '..') result.pop();
    else if (name !== '.') result.push(name);
  }
  return pathOf(result);
}

/** The absolute path with these names. */
export function pathOf(names: readonly string[]): PathId {
  return `/${names.join('/')}`;
}

export function isRoot(id: PathId): boolean {
  return id === rootPath;
}

/** The group that holds `id`; the root's parent is the root. */
export function parentOf(id: PathId): PathId {
  const end = id.lastIndexOf('/');
  return end <= 0 ? rootPath : id.slice(0, end);
}

/** The groups above `id`, nearest first, the root last; none for the root. */
export function parentsOf(id: PathId): PathId[] {
  const parents: PathId[] = [];
  for (let at = id; !isRoot(at); ) {
    at = parentOf(at);
    parents.push(at);
  }
  return parents;
}

/** Whether `id` is `ancestor` or lies anywhere below it. */
export function isWithin(id: PathId, ancestor: PathId): boolean {
  return ancestor === rootPath || id === ancestor || id.startsWith(`${ancestor}/`);
}

/** The path as it begins instance and task ids: `/shop/web` is `shop_web`. */
export function safePath(id: PathId): string {
  return segments(id).join('_');
}

/** The path that `safePath` was made of. */
export function fromSafePath(text: string): PathId {
  return pathOf(text.split('_').filter((name) => name !== ''));
}

/** The path as a host name, innermost name first: `/shop/web` is `web.shop`. */
export function hostnameOf(id: PathId): string {
  return segments(id).reverse().join('.');
}

/** The top-level group that `id` is in or is: `/shop/web` is in `/shop`. */
export function topLevelOf(id: PathId): PathId {
  return pathOf(segments(id).slice(0, 1));
}

const segmentSource =
  '^(([a-z0-9]|[a-z0-9][a-z0-9\\-]*[a-z0-9])\\.)*([a-z0-9]|[a-z0-9][a-z0-9\\-]*[a-z0-9])|(\\.|\\.\\.)$';
const label = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;

/** Whether a name may stand between slashes, `.` and `..` aside. Asked label by label it takes linear time. */
export function isSegment(name: string): boolean {
  return name.split('.').every((part) => label.test(part));
}

const reserved = ['restart', 'tasks', 'versions', '.', '..'];

/** What is wrong with the characters of a path; empty when nothing is. */
export function characterErrors(id: string): string[] {
  return segments(id).every((name) => name === '.' || name === '..' || isSegment(name))
    ? []
    : [`must fully match regular expression '${segmentSource}'`];
}

/** What is wrong with the path of an app or group; empty when nothing is. */
export function pathErrors(id: string): string[] {
  const errors = characterErrors(id);
  if (reserved.includes(segments(id).at(-1) ?? ''))
    errors.push(`must not end with any of the following reserved keywords: ${reserved.join(', ')}`);
  return errors;
}

/** Whether `id`, absolute or relative to `parent`, names a direct child of `parent`. */
export function isChildOf(id: string, parent: PathId): boolean {
  return parentOf(canonical(id, parent)) === parent;
}
