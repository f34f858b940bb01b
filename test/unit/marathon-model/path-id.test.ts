import { describe, expect, it } from 'vitest';
import {
  canonical,
  fromSafePath,
  hostnameOf,
  isChildOf,
  isWithin,
  parentOf,
  parentsOf,
  pathErrors,
  safePath,
  topLevelOf,
} from '../../../src/embedded/marathon/model/path-id.ts';

describe('paths of apps and groups', () => {
  it.each([
    ['/a/b', '/', '/a/b'],
    ['a/b', '/', '/a/b'],
    ['b', '/a', '/a/b'],
    ['../c', '/a/b', '/a/c'],
    ['./c', '/a', '/a/c'],
    ['/a/../b', '/x', '/b'],
    ['../../..', '/a', '/'],
    ['//a//b/', '/', '/a/b'],
    ['', '/a', '/a'],
  ])('%j inside %j is %j', (id, base, expected) => {
    expect(canonical(id, base)).toBe(expected);
  });

  it('knows parents, tops and descendants', () => {
    expect(parentOf('/a/b/c')).toBe('/a/b');
    expect(parentOf('/a')).toBe('/');
    expect(parentOf('/')).toBe('/');
    expect(parentsOf('/a/b/c')).toEqual(['/a/b', '/a', '/']);
    expect(parentsOf('/')).toEqual([]);
    expect(topLevelOf('/a/b/c')).toBe('/a');
    expect(isWithin('/a/b', '/a')).toBe(true);
    expect(isWithin('/ab', '/a')).toBe(false);
    expect(isWithin('/a', '/')).toBe(true);
    expect(isChildOf('b', '/a')).toBe(true);
    expect(isChildOf('/a/b', '/a')).toBe(true);
    expect(isChildOf('/b', '/a')).toBe(false);
    expect(isChildOf('/a/b/c', '/a')).toBe(false);
  });

  it('is written into ids and host names', () => {
    expect(safePath('/shop/web')).toBe('shop_web');
    expect(fromSafePath('shop_web')).toBe('/shop/web');
    expect(hostnameOf('/shop/web')).toBe('web.shop');
  });

  const pattern =
    "must fully match regular expression '^(([a-z0-9]|[a-z0-9][a-z0-9\\-]*[a-z0-9])\\.)*([a-z0-9]|[a-z0-9][a-z0-9\\-]*[a-z0-9])|(\\.|\\.\\.)$'";
  it.each([
    ['/a-b/c.d/0', []],
    ['/a_b', [pattern]],
    ['/-a', [pattern]],
    ['/a-', [pattern]],
    ['/a..b', [pattern]],
    ['/Ä', [pattern]],
    ['/a/tasks', ['must not end with any of the following reserved keywords: restart, tasks, versions, ., ..']],
    ['/tasks/a', []],
  ])('%j has the errors %j', (id, errors) => {
    expect(pathErrors(id)).toEqual(errors);
  });

  it('looks at hostile names in linear time', () => {
    expect(pathErrors(`/${'a-'.repeat(100_000)}`)).toEqual([pattern]);
  });
});
