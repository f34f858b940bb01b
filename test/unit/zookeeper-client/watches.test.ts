import { describe, expect, it } from 'vitest';
import { eventTypes } from '../../../src/protocols/zookeeper/constants.ts';
import { createWatchRegistry, type WatchKind } from '../../../src/protocols/zookeeper/watches.ts';

const event = (type: keyof typeof eventTypes, path: string) => ({ type: eventTypes[type], state: 3, path });

describe('the registry of watches', () => {
  it.each<[WatchKind, string[]]>([
    ['data', ['created', 'deleted', 'dataChanged']],
    ['exist', ['created', 'deleted', 'dataChanged']],
    ['child', ['deleted', 'childrenChanged']],
    ['persistent', ['created', 'deleted', 'dataChanged', 'childrenChanged']],
    ['recursive', ['created', 'deleted', 'dataChanged']],
  ])('a %s watch is set off by %j', (kind, expected) => {
    const types = ['created', 'deleted', 'dataChanged', 'childrenChanged'] as const;
    const setOff = types.filter((type) => {
      const registry = createWatchRegistry();
      registry.add(kind, '/a', () => {});
      return registry.take(event(type, '/a'))?.watchers.size === 1;
    });
    expect(setOff).toEqual(expected);
  });

  it('a recursive watch sees what happens below', () => {
    const registry = createWatchRegistry();
    registry.add('recursive', '/a', () => {});
    expect(registry.take(event('created', '/a/b/c'))?.watchers.size).toBe(1);
    expect(registry.take(event('created', '/ab'))?.watchers.size).toBe(0);
    const all = createWatchRegistry();
    all.add('recursive', '/', () => {});
    expect(all.take(event('deleted', '/x'))?.watchers.size).toBe(1);
    expect(all.take(event('dataChanged', '/'))?.watchers.size).toBe(1);
  });

  it('one watcher of a node with several kinds of watches is called once', () => {
    const registry = createWatchRegistry();
    const watcher = () => {};
    registry.add('data', '/a', watcher);
    registry.add('child', '/a', watcher);
    expect(registry.take(event('deleted', '/a'))?.watchers.size).toBe(1);
    expect(registry.toSet(1n)).toEqual([]);
  });

  it('is told to a new connection in pieces of limited size', () => {
    const registry = createWatchRegistry();
    for (let i = 0; i < 100; i++) registry.add('data', `/node-${i}`, () => {});
    registry.add('persistent', '/p', () => {});
    const pieces = registry.toSet(9n, 200);
    expect(pieces.length).toBeGreaterThan(5);
    expect(pieces.flatMap((piece) => piece.dataWatches)).toHaveLength(100);
    expect(pieces.flatMap((piece) => piece.persistentWatches)).toEqual(['/p']);
    expect(pieces.every((piece) => piece.relativeZxid === 9n)).toBe(true);
  });

  it('knows nothing of events about the session or of removed watches', () => {
    const registry = createWatchRegistry();
    registry.add('data', '/a', () => {});
    expect(registry.take(event('none', ''))).toBeUndefined();
    expect(registry.take(event('dataWatchRemoved', '/a'))).toBeUndefined();
  });
});
