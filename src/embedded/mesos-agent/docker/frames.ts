/** What a chunk of a container's output holds for each stream. */
export interface Output {
  stdout: Buffer[];
  stderr: Buffer[];
}

const headerBytes = 8;

/**
 * Takes apart the engine's stream of output: frames of a header (one byte for the stream, three of nothing, four for
 * the length, big-endian) and data, cut anywhere into chunks. A container with a terminal has but one stream, without
 * frames. @throws Error for what can't be a header
 */
export function createDemultiplexer(terminal: boolean): (chunk: Buffer) => Output {
  let header = Buffer.alloc(0);
  let stream = 1;
  let left = 0;
  if (terminal) return (chunk) => ({ stdout: [chunk], stderr: [] });
  return (chunk) => {
    const output: Output = { stdout: [], stderr: [] };
    let at = 0;
    while (at < chunk.length) {
      if (left === 0) {
        const needed = headerBytes - header.length;
        header = Buffer.concat([header, chunk.subarray(at, at + needed)]);
        at += needed;
        if (header.length < headerBytes) break;
        stream = header[0]!;
        left = header.readUInt32BE(4);
        if (stream > 2 || header.readUIntBE(1, 3) !== 0) throw new Error('the output has no frames');
        header = Buffer.alloc(0);
        continue;
      }
      const data = chunk.subarray(at, at + left);
      at += data.length;
      left -= data.length;
      (stream === 2 ? output.stderr : output.stdout).push(data);
    }
    return output;
  };
}
