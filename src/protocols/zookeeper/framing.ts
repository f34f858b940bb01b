import { JuteWriter } from './jute.ts';

/** The default of `jute.maxbuffer`: a longer frame ends the connection. */
export const defaultMaxFrameBytes = 0xfffff;

/** A frame length that can't be: negative or over the limit. `length` read as four letters may be an admin command. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
  readonly length: number;

  constructor(length: number, maxBytes: number) {
    super(`frame of ${length} bytes, the limit is ${maxBytes}`);
    this.length = length;
  }
}

/**
 * Splits a byte stream into frames (int32 length, body). Takes bytes in any pieces; a frame given to `onFrame` may be
 * a view of the piece: copy what outlives the call. It never holds more than one unfinished frame.
 * @throws FrameError (from the returned function) on an impossible length; the stream can't be read on after it
 */
export function createFrameSplitter(
  onFrame: (frame: Buffer) => void,
  maxBytes = defaultMaxFrameBytes,
): (chunk: Buffer) => void {
  const head = Buffer.alloc(4);
  let headBytes = 0;
  let body: Buffer | undefined;
  let bodyBytes = 0;
  const check = (length: number) => {
    if (length < 0 || length > maxBytes) throw new FrameError(length, maxBytes);
    return length;
  };
  return (chunk) => {
    let at = 0;
    while (at < chunk.length) {
      if (body) {
        const taken = chunk.copy(body, bodyBytes, at, at + body.length - bodyBytes);
        at += taken;
        bodyBytes += taken;
        if (bodyBytes < body.length) return;
        const whole = body;
        body = undefined;
        onFrame(whole);
        continue;
      }
      let length: number;
      if (headBytes === 0 && chunk.length - at >= 4) {
        length = check(chunk.readInt32BE(at));
        at += 4;
      } else {
        const taken = chunk.copy(head, headBytes, at, at + 4 - headBytes);
        at += taken;
        headBytes += taken;
        if (headBytes < 4) return;
        headBytes = 0;
        length = check(head.readInt32BE(0));
      }
      if (chunk.length - at >= length) {
        const frame = chunk.subarray(at, at + length);
        at += length;
        onFrame(frame);
      } else {
        body = Buffer.allocUnsafe(length);
        bodyBytes = 0;
      }
    }
  };
}

/** One frame with the body that `write` writes. */
export function encodeFrame(write: (writer: JuteWriter) => void, sizeHint?: number): Buffer {
  const writer = new JuteWriter(sizeHint);
  writer.int(0);
  write(writer);
  writer.intAt(0, writer.size - 4);
  return writer.finish();
}
