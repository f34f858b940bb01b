import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLineReader } from '../../../src/runtime/docker/log-stream.ts';
import { parseNumbered } from '../../../src/runtime/docker/status-file.ts';

/** An entry as the engine frames it. */
function frame(stream: 1 | 2, text: string): Buffer {
  const body = Buffer.from(text);
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(body.length, 4);
  return Buffer.concat([header, body]);
}

describe('the log stream of a container', () => {
  const bytes = Buffer.concat([
    frame(1, '2026-01-02T03:04:05.000000001Z host | one\n'),
    frame(2, '2026-01-02T03:04:05.000000002Z {"number":1}\n'),
    frame(1, '2026-01-02T03:04:05.000000003Z a long '),
    frame(1, '2026-01-02T03:04:05.000000004Z line in pieces: ü\r\n'),
  ]);
  const lines = [
    { stream: 'stdout', stamp: '2026-01-02T03:04:05.000000001Z', text: 'host | one' },
    { stream: 'stderr', stamp: '2026-01-02T03:04:05.000000002Z', text: '{"number":1}' },
    { stream: 'stdout', stamp: '2026-01-02T03:04:05.000000003Z', text: 'a long line in pieces: ü' },
  ];

  it('is taken apart into lines', () => {
    expect(createLineReader()(bytes)).toEqual(lines);
  });

  it('is, however it is cut into chunks', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 8 }), (cuts) => {
        const read = createLineReader();
        const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        expect(at.slice(1).flatMap((end, i) => read(bytes.subarray(at[i], end)))).toEqual(lines);
      }),
    );
  });
});

describe('what a node host writes to stderr', () => {
  it('is an event with its number, or nothing for us', () => {
    expect(parseNumbered('{"number":7,"type":"service-ready","component":"marathon"}')).toEqual({
      number: 7,
      type: 'service-ready',
      component: 'marathon',
    });
    for (const line of [
      'Error: no',
      '{"number":7}',
      '{"number":"7","type":"service-ready","component":"marathon"}',
      '{"number":',
    ])
      expect(parseNumbered(line)).toBeUndefined();
  });
});
