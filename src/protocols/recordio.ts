/**
 * RecordIO as the Mesos v1 APIs stream it: decimal length, newline, payload; nothing after the payload.
 * Source: the "RecordIO response format" of the Mesos scheduler HTTP API.
 */

/** One record, framed. */
export function encodeRecord(payload: string | Buffer): Buffer {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  return Buffer.concat([Buffer.from(`${bytes.length}\n`), bytes]);
}

export class RecordError extends Error {}

/**
 * Takes bytes in any pieces, gives whole records. Empty lines before a length are skipped.
 * @throws RecordError (from the returned function) on a malformed length or one over `maxBytes`
 */
export function createRecordDecoder(
  onRecord: (payload: Buffer) => void,
  maxBytes = 256 << 20,
): (chunk: Buffer) => void {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let expected = -1;
  let header = '';
  return (chunk) => {
    let at = 0;
    while (at < chunk.length) {
      if (expected < 0) {
        const code = chunk[at++]!;
        if (code === 0x0a) {
          if (header === '') continue;
          expected = Number(header);
          header = '';
          if (expected > maxBytes)
            throw new RecordError(`record of ${expected} bytes is over the limit of ${maxBytes}`);
          if (expected === 0) {
            expected = -1;
            onRecord(Buffer.alloc(0));
          }
        } else if (code >= 0x30 && code <= 0x39 && header.length < 12) header += String.fromCharCode(code);
        else throw new RecordError(`malformed record length at '${header}' + 0x${code.toString(16)}`);
        continue;
      }
      const piece = chunk.subarray(at, at + expected - pendingBytes);
      at += piece.length;
      pending.push(piece);
      pendingBytes += piece.length;
      if (pendingBytes === expected) {
        const payload = pending.length === 1 ? pending[0]! : Buffer.concat(pending);
        pending = [];
        pendingBytes = 0;
        expected = -1;
        onRecord(payload);
      }
    }
  };
}
