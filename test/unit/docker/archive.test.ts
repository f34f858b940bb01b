import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { firstFile, packToBuffer } from '../../../src/runtime/docker/archive.ts';

describe('the first file of an archive', () => {
  it('is what was packed', async () => {
    const archive = await packToBuffer([{ path: '/run/status.json', content: Buffer.from('{}') }]);
    expect((await firstFile(Readable.from([archive])))?.toString()).toBe('{}');
  });

  it('is refused when the archive is cut off', async () => {
    const archive = await packToBuffer([{ path: '/status.json', content: Buffer.alloc(3000, 'x') }]);
    await expect(firstFile(Readable.from([archive.subarray(0, 1500)]))).rejects.toThrow(/end of data|Premature close/);
  });

  it('is undefined when there is none', async () => {
    expect(await firstFile(Readable.from([await packToBuffer([])]))).toBeUndefined();
  });
});
