/** DNS over TCP: each message after its length in two bytes. Source: RFC 1035, section 4.2.2. */
export function frameMessage(message: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(message.length + 2);
  framed.writeUInt16BE(message.length, 0);
  message.copy(framed, 2);
  return framed;
}

/** Takes bytes in any pieces, gives whole messages; holds at most one unfinished message of 64 KiB. */
export function createStreamSplitter(onMessage: (message: Buffer) => void): (chunk: Buffer) => void {
  let pending: Buffer = Buffer.alloc(0);
  return (chunk) => {
    let bytes = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    while (bytes.length >= 2) {
      const end = 2 + bytes.readUInt16BE(0);
      if (bytes.length < end) break;
      const message = bytes.subarray(2, end);
      bytes = bytes.subarray(end);
      onMessage(message);
    }
    pending = bytes.length === 0 ? Buffer.alloc(0) : Buffer.from(bytes);
  };
}
