import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPiece } from '../../../src/apps/task-logs.ts';
import type { MesosClient, Sandbox } from '../../../src/clients/mesos.ts';

const sandbox = {} as Sandbox;

/** The files API over some bytes. */
function files(bytes: Buffer): Pick<MesosClient, 'read'> {
  return {
    read: async (_sandbox, _file, offset, length = 65_536) =>
      offset < 0
        ? { offset: bytes.length, data: '' }
        : { offset, data: bytes.subarray(offset, offset + length).toString('utf8') },
  };
}

async function readAll(bytes: Buffer): Promise<string> {
  let text = '';
  let offset = 0;
  for (;;) {
    const piece = await readPiece(files(bytes), sandbox, 'stdout', offset);
    if (piece.next === offset) return text;
    offset = piece.next;
    text += piece.text;
  }
}

describe('the output of a task', () => {
  it('is complete where a piece ends in the middle of a character', async () => {
    for (const shift of ['', 'a', 'aa', 'aaa']) {
      const text = `${shift}${'äöü€🙂'.repeat(20_000)}`;
      expect((await readAll(Buffer.from(text))) === text).toBe(true);
    }
  });

  it('goes on behind bytes that are no text', async () => {
    const bytes = Buffer.concat([Buffer.alloc(100_000, 0xff), Buffer.from('\nend\n')]);
    expect((await readAll(bytes)).endsWith('\ufffd\nend\n')).toBe(true);
  });

  it('is never read twice, and ends', async () => {
    const pieces = fc.array(fc.oneof(fc.uint8Array({ maxLength: 9 }), fc.constant(Buffer.from('é€\n'))));
    await fc.assert(
      fc.asyncProperty(pieces, async (parts) => {
        const bytes = Buffer.concat([...parts, Buffer.from('\nlast')]);
        const text = await readAll(bytes);
        expect(text.split('\n').at(-1)).toBe('last');
        expect(text.split('\n').length).toBe(bytes.toString('utf8').split('\n').length);
      }),
    );
  });
});
