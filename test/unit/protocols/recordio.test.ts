import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRecordDecoder, encodeRecord, RecordError } from '../../../src/protocols/recordio.ts';

describe('RecordIO', () => {
  it('gives back every record however the bytes are cut', () => {
    const records = fc.array(fc.uint8Array({ maxLength: 200 }));
    fc.assert(
      fc.property(records, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (payloads, cuts) => {
        const bytes = Buffer.concat(payloads.map((payload) => encodeRecord(Buffer.from(payload))));
        const seen: Buffer[] = [];
        const decode = createRecordDecoder((payload) => seen.push(Buffer.from(payload)));
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = cuts[i % cuts.length]!;
          decode(bytes.subarray(at, at + size));
          at += size;
        }
        expect(seen).toEqual(payloads.map((payload) => Buffer.from(payload)));
      }),
    );
  });

  it('counts bytes, not characters', () => {
    expect(encodeRecord('ä').toString()).toBe('2\nä');
  });

  it('skips empty lines before a length', () => {
    const seen: string[] = [];
    createRecordDecoder((payload) => seen.push(payload.toString()))(Buffer.from('\n\n2\nhi\n3\nyou'));
    expect(seen).toEqual(['hi', 'you']);
  });

  it.each(['x\n', '12a\n', '-1\n', '9999999999999\n'])('refuses the length %j', (bytes) => {
    expect(() => createRecordDecoder(() => {})(Buffer.from(bytes))).toThrow(RecordError);
  });

  it('refuses a record over the limit before reading it', () => {
    expect(() => createRecordDecoder(() => {}, 10)(Buffer.from('11\n'))).toThrow(RecordError);
  });
});
