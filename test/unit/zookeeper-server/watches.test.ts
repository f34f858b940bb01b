import { beforeEach, describe, expect, test } from 'vitest';
import { createWatches, type Watches } from '../../../src/embedded/zookeeper/server/watches.ts';
import { createTree } from '../../../src/embedded/zookeeper/state/tree.ts';

let seen: string[];
let watches: Watches<string>;
beforeEach(() => {
  seen = [];
  watches = createWatches((connection, type, path) => seen.push(`${connection} ${type} ${path}`));
});

describe('watches', () => {
  test('of one connection on one path fire once a change', () => {
    for (const kind of ['data', 'child', 'persistent', 'recursive'] as const) watches.add(kind, '/a', 'c');
    watches.trigger({ type: 'deleted', path: '/a' });
    expect(seen).toEqual(['c 2 /a']);
    expect(watches.size).toBe(2);
  });

  test('of a parent fire after those of the node', () => {
    watches.add('child', '/', 'parent');
    watches.add('data', '/a', 'node');
    watches.trigger({ type: 'created', path: '/a' });
    expect(seen).toEqual(['node 1 /a', 'parent 4 /']);
    expect(watches.size).toBe(0);
  });

  test('of children know nothing of data, and those of data nothing of children', () => {
    watches.add('child', '/a', 'c');
    watches.add('data', '/a', 'd');
    watches.trigger({ type: 'created', path: '/a/x' });
    watches.trigger({ type: 'dataChanged', path: '/a' });
    expect(seen).toEqual(['c 4 /a', 'd 3 /a']);
  });

  test('recursive ones hear of the root too', () => {
    watches.add('recursive', '/', 'c');
    watches.trigger({ type: 'created', path: '/a/b/c' });
    watches.trigger({ type: 'dataChanged', path: '/' });
    expect(seen).toEqual(['c 1 /a/b/c', 'c 3 /']);
  });

  test('go with their connection', () => {
    watches.add('data', '/a', 'c');
    watches.add('persistent', '/b', 'c');
    watches.add('data', '/a', 'other');
    watches.removeAll('c');
    watches.trigger({ type: 'dataChanged', path: '/a' });
    watches.trigger({ type: 'dataChanged', path: '/b' });
    expect(seen).toEqual(['other 3 /a']);
    expect([watches.size, watches.paths, watches.byConnection.size]).toEqual([0, 0, 0]);
  });

  test('are counted by path and connection', () => {
    watches.add('data', '/a', 'c');
    watches.add('data', '/a', 'c');
    watches.add('child', '/a', 'c');
    watches.add('data', '/b', 'd');
    expect([watches.size, watches.paths, watches.byConnection.size]).toEqual([3, 2, 2]);
  });

  test('set again fire for what happened meanwhile', () => {
    const tree = createTree();
    tree.nodes.get('/')!.mzxid = 5;
    tree.nodes.get('/zookeeper')!.pzxid = 4;
    const request = { dataWatches: ['/'], existWatches: [], childWatches: ['/zookeeper'] };
    watches.restore({ relativeZxid: 4n, ...request }, tree, 'c');
    expect(seen).toEqual(['c 3 /']);
    expect(watches.has(1, '/zookeeper', 'c')).toBe(true);
    watches.restore({ relativeZxid: 3n, ...request }, tree, 'd');
    expect(seen.slice(1)).toEqual(['d 3 /', 'd 4 /zookeeper']);
  });
});
