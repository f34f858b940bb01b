import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createDemultiplexer } from '../../../../src/embedded/mesos-agent/docker/frames.ts';

function frame(stream: number, data: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(data.length, 4);
  return Buffer.concat([header, data]);
}

test('frames are taken apart wherever the stream is cut', () => {
  const frames = fc.array(fc.tuple(fc.constantFrom(1, 2), fc.uint8Array({ maxLength: 40 })));
  fc.assert(
    fc.property(frames, fc.array(fc.nat(60)), (all, cuts) => {
      const bytes = Buffer.concat(all.map(([stream, data]) => frame(stream, Buffer.from(data))));
      const split = createDemultiplexer(false);
      const got: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] };
      let at = 0;
      for (const length of [...cuts, bytes.length]) {
        const { stdout, stderr } = split(bytes.subarray(at, at + length));
        got.stdout.push(...stdout);
        got.stderr.push(...stderr);
        at += length;
      }
      const expected = (wanted: number) =>
        Buffer.concat(all.filter(([stream]) => stream === wanted).map(([, data]) => Buffer.from(data)));
      expect(Buffer.concat(got.stdout)).toEqual(expected(1));
      expect(Buffer.concat(got.stderr)).toEqual(expected(2));
    }),
  );
});

test('what can be no frame is refused', () => {
  expect(() => createDemultiplexer(false)(Buffer.from('plain text, no frames'))).toThrow('no frames');
});

test('a terminal has one stream without frames', () => {
  const { stdout, stderr } = createDemultiplexer(true)(Buffer.from('plain'));
  expect(Buffer.concat(stdout).toString()).toBe('plain');
  expect(stderr).toEqual([]);
});
