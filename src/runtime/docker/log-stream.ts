/** A line that a container wrote. */
export interface ContainerLine {
  stream: 'stdout' | 'stderr';
  /** As the engine's clock says, with nanoseconds: sorts as text. */
  stamp: string;
  text: string;
}

const headerBytes = 8;

/**
 * Takes the engine's log stream apart: frames of eight bytes of header (stream, length) and an entry each, which begins
 * with its time. A long line comes in several entries; only the last one ends with a line feed.
 */
export function createLineReader(): (chunk: Buffer) => ContainerLine[] {
  let rest: Buffer = Buffer.alloc(0);
  const begun = new Map<number, { stamp: string; text: string }>();
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const lines: ContainerLine[] = [];
    let at = 0;
    while (rest.length - at >= headerBytes) {
      const length = rest.readUInt32BE(at + 4);
      if (rest.length - at < headerBytes + length) break;
      const kind = rest[at]!;
      const entry = rest.toString('utf8', at + headerBytes, at + headerBytes + length);
      at += headerBytes + length;
      const space = entry.indexOf(' ');
      const before = begun.get(kind);
      const stamp = before?.stamp ?? entry.slice(0, space);
      const text = (before?.text ?? '') + entry.slice(space + 1);
      if (text.endsWith('\n')) {
        begun.delete(kind);
        lines.push({ stream: kind === 2 ? 'stderr' : 'stdout', stamp, text: text.slice(0, -1).replace(/\r$/, '') });
      } else begun.set(kind, { stamp, text });
    }
    rest = rest.subarray(at);
    return lines;
  };
}
