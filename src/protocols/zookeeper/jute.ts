/**
 * Jute, ZooKeeper's serialization: big-endian integers; buffers and strings as int32 length (-1 = null) and bytes;
 * vectors as int32 count (-1 = null) and items; booleans as one byte.
 * Source: the record definitions of Apache ZooKeeper 3.8 (zookeeper.jute) and what its servers answered.
 *
 * 64-bit values (zxids, session ids) are `bigint`, since session ids use all bits. Times are numbers (see `millis`).
 */

/** Malformed or truncated bytes. A server closes the connection that sent them. */
export class JuteError extends Error {
  override readonly name = 'JuteError';
}

/** Reads one record after the other; every method throws JuteError when the bytes don't hold what it asks for. */
export class JuteReader {
  private readonly bytes: Buffer;
  private at: number;

  constructor(bytes: Buffer, offset = 0) {
    this.bytes = bytes;
    this.at = offset;
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.bytes.length - this.at;
  }

  int(): number {
    return this.bytes.readInt32BE(this.take(4));
  }

  long(): bigint {
    return this.bytes.readBigInt64BE(this.take(8));
  }

  /** A 64-bit time or duration in milliseconds as a number; exact up to 2^53. */
  millis(): number {
    const at = this.take(8);
    return this.bytes.readInt32BE(at) * 0x1_0000_0000 + this.bytes.readUInt32BE(at + 4);
  }

  bool(): boolean {
    return this.bytes[this.take(1)] !== 0;
  }

  /** A view of the bytes read from, not a copy: copy what outlives the frame. */
  buffer(): Buffer | null {
    const length = this.length('buffer');
    if (length < 0) return null;
    const at = this.take(length);
    return this.bytes.subarray(at, at + length);
  }

  /** UTF-8; a null string reads as the empty one (the protocol gives them no different meaning). */
  string(): string {
    const length = this.length('string');
    if (length <= 0) return '';
    const at = this.take(length);
    return this.bytes.toString('utf8', at, at + length);
  }

  /** A null vector reads as the empty one. */
  vector<T>(item: (reader: JuteReader) => T): T[] {
    const count = this.length('vector');
    const items: T[] = [];
    for (let i = 0; i < count; i++) {
      const before = this.at;
      items.push(item(this));
      // Items of no bytes would let a frame of four bytes ask for two thousand million of them.
      if (this.at === before) throw new JuteError('vector of items without content');
    }
    return items;
  }

  private length(of: string): number {
    const length = this.int();
    if (length < -1) throw new JuteError(`${of} of length ${length}`);
    return length;
  }

  private take(count: number): number {
    const at = this.at;
    if (count > this.bytes.length - at)
      throw new JuteError(`needed ${count} bytes at offset ${at}, the record has ${this.bytes.length - at} more`);
    this.at = at + count;
    return at;
  }
}

/** Writes one record after the other into a buffer that grows. */
export class JuteWriter {
  private bytes: Buffer;
  private at = 0;

  constructor(sizeHint = 128) {
    this.bytes = Buffer.allocUnsafe(sizeHint);
  }

  /** Bytes written so far. */
  get size(): number {
    return this.at;
  }

  int(value: number): void {
    const at = this.reserve(4);
    this.bytes.writeInt32BE(value | 0, at);
  }

  long(value: bigint): void {
    const at = this.reserve(8);
    this.bytes.writeBigInt64BE(BigInt.asIntN(64, value), at);
  }

  /** Whole milliseconds within ±2^53. */
  millis(value: number): void {
    const at = this.reserve(8);
    this.bytes.writeInt32BE(Math.floor(value / 0x1_0000_0000), at);
    this.bytes.writeUInt32BE(value >>> 0, at + 4);
  }

  bool(value: boolean): void {
    const at = this.reserve(1);
    this.bytes[at] = value ? 1 : 0;
  }

  buffer(value: Uint8Array | null): void {
    this.int(value === null ? -1 : value.length);
    if (!value) return;
    const at = this.reserve(value.length);
    this.bytes.set(value, at);
  }

  string(value: string): void {
    const length = Buffer.byteLength(value);
    this.int(length);
    const at = this.reserve(length);
    this.bytes.write(value, at, length, 'utf8');
  }

  vector<T>(items: readonly T[], write: (writer: JuteWriter, item: T) => void): void {
    this.int(items.length);
    for (const item of items) write(this, item);
  }

  /** Overwrites four bytes written before, such as a length known only at the end. */
  intAt(offset: number, value: number): void {
    if (offset < 0 || offset + 4 > this.at) throw new RangeError(`no int was written at ${offset}`);
    this.bytes.writeInt32BE(value, offset);
  }

  /** What was written. A view: don't write on. */
  finish(): Buffer {
    return this.bytes.subarray(0, this.at);
  }

  /** May replace `this.bytes`: take it only afterwards. */
  private reserve(count: number): number {
    const at = this.at;
    this.at = at + count;
    if (this.at > this.bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.at, this.bytes.length * 2));
      this.bytes.copy(grown, 0, 0, at);
      this.bytes = grown;
    }
    return at;
  }
}
