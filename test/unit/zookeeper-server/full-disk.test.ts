import type * as Fs from 'node:fs';
import { expect, test, vi } from 'vitest';
import { startEmbeddedZooKeeper } from '../../support/embedded-zookeeper.ts';
import { openAcl, openRaw } from '../../support/raw-zookeeper-client.ts';

/** Bytes that the disk still takes. */
const disk = vi.hoisted(() => ({ room: Number.POSITIVE_INFINITY }));

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof Fs>();
  const noSpace = () => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  /** As a disk does it: what still fits is written. */
  const fitting = (buffer: Buffer) => {
    const taken = buffer.subarray(0, Math.min(buffer.length, disk.room));
    disk.room -= taken.length;
    if (buffer.length > 0 && taken.length === 0) throw noSpace();
    return taken;
  };
  return {
    ...fs,
    writeSync: (descriptor: number, buffer: Buffer) => fs.writeSync(descriptor, fitting(buffer)),
    write(descriptor: number, buffer: Buffer, done: (error: Error | null, bytes: number) => void) {
      try {
        fs.write(descriptor, fitting(buffer), done);
      } catch (error) {
        setImmediate(done, error as Error, 0);
      }
    },
  };
});

test.each(['yes', 'no'])(
  'a full disk ends the server with the reason, and nothing acknowledged is lost (forceSync %s)',
  async (forceSync) => {
    for (const room of [0, 1, 50, 400]) {
      disk.room = Number.POSITIVE_INFINITY;
      const ensemble = await startEmbeddedZooKeeper({ servers: 1, settings: { forceSync } });
      try {
        const [server] = ensemble.servers;
        const client = await openRaw(server!.port);
        const acknowledged: string[] = [];
        disk.room = room;
        for (let i = 0; !client.isClosed; i++) {
          const path = `/n${i}`;
          const reply = await client
            .call('create', { path, data: null, acl: openAcl, flags: 0 })
            .catch(() => undefined);
          if (reply?.err === 0) acknowledged.push(path);
        }
        const { code, reason } = await server!.running!.exited;
        expect(code).toBe(1);
        expect(reason).toMatch(/the log can't be written: (ENOSPC|the disk took)/);
        disk.room = Number.POSITIVE_INFINITY;
        await (await server!.start()).ready;
        const again = await openRaw(server!.port);
        const { children } = await again.ok('getChildren', { path: '/', watch: false });
        expect(children).toEqual(expect.arrayContaining(acknowledged.map((path) => path.slice(1))));
      } finally {
        await ensemble.close();
      }
    }
  },
);
