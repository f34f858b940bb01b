import { type Field, type MessageType, messageType, type Scalar } from './schema.ts';

/** Bytes that are no message of the wanted type. */
export class ProtobufError extends Error {}

/** Deeper nesting is taken for an attack; ContainerID is the only message that holds its own kind. */
const maxDepth = 64;

const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/**
 * Reads a message of the v1 API in its protobuf form into the same objects as `fromJson` makes of the JSON form:
 * bytes as base64, enums as names, 64-bit integers as numbers, declared defaults filled in, unknown fields dropped.
 * Source: the protobuf encoding as documented by its authors, and the schema.
 * @throws ProtobufError
 */
export function fromProtobuf<T>(name: string, bytes: Buffer): T {
  return decodeMessage(messageType(name), createReader(bytes), 0) as T;
}

interface Reader {
  readonly bytes: Buffer;
  at: number;
}

function createReader(bytes: Buffer): Reader {
  return { bytes, at: 0 };
}

function decodeMessage(type: MessageType, reader: Reader, depth: number): Record<string, unknown> {
  if (depth > maxDepth) throw new ProtobufError('messages are nested too deeply');
  const message: Record<string, unknown> = {};
  while (reader.at < reader.bytes.length) {
    const tag = Number(readVarint(reader));
    const wire = tag & 7;
    const field = type.byNumber.get(tag >>> 3);
    if (field) readField(message, field, wire, reader, depth);
    else skip(reader, wire);
  }
  for (const field of type.fields.values()) {
    if (message[field.name] !== undefined) continue;
    if (field.label === 'required') throw new ProtobufError(`missing required field '${type.name}.${field.name}'`);
    if (field.default !== undefined) message[field.name] = field.default;
    else if (field.neverAbsent) message[field.name] = [];
  }
  return message;
}

function readField(message: Record<string, unknown>, field: Field, wire: number, reader: Reader, depth: number): void {
  if (field.label === 'map') {
    const entry = readMapEntry(field, readBytes(reader, wire), depth);
    if (typeof message[field.name] !== 'object') message[field.name] = {};
    const map = message[field.name] as Record<string, unknown>;
    Object.defineProperty(map, entry.key, { value: entry.value, enumerable: true, configurable: true, writable: true });
    return;
  }
  if (field.label !== 'repeated') {
    const value = readValue(field, wire, reader, depth);
    if (value !== undefined) message[field.name] = value;
    return;
  }
  const list = (message[field.name] ??= []) as unknown[];
  const packed = wire === wireTypes.bytes && wireTypeOf(field) !== wireTypes.bytes;
  if (!packed) {
    const value = readValue(field, wire, reader, depth);
    if (value !== undefined) list.push(value);
    return;
  }
  const inner = createReader(readBytes(reader, wire));
  while (inner.at < inner.bytes.length) {
    const value = readValue(field, wireTypeOf(field), inner, depth);
    if (value !== undefined) list.push(value);
  }
}

function readMapEntry(field: Field, bytes: Buffer, depth: number): { key: string; value: unknown } {
  const reader = createReader(bytes);
  let key = '';
  let value: unknown;
  while (reader.at < bytes.length) {
    const tag = Number(readVarint(reader));
    if (tag >>> 3 === 1) key = readBytes(reader, tag & 7).toString('utf8');
    else if (tag >>> 3 === 2) value = readValue(field, tag & 7, reader, depth);
    else skip(reader, tag & 7);
  }
  return { key, value };
}

/** @returns undefined for an enum value that this version doesn't know */
function readValue(field: Field, wire: number, reader: Reader, depth: number): unknown {
  const { type } = field;
  if (wire !== wireTypeOf(field)) throw new ProtobufError(`field '${field.name}' has the wire type ${wire}`);
  switch (type.kind) {
    case 'message':
      return decodeMessage(messageType(type.message), createReader(readBytes(reader, wire)), depth + 1);
    case 'enum':
      return type.values.names.get(Number(BigInt.asIntN(32, readVarint(reader))));
    case 'scalar':
      return readScalar(type.scalar, wire, reader);
  }
}

function readScalar(scalar: Scalar, wire: number, reader: Reader): string | number | boolean {
  switch (scalar) {
    case 'string':
      return readBytes(reader, wire).toString('utf8');
    case 'bytes':
      return readBytes(reader, wire).toString('base64');
    case 'bool':
      return readVarint(reader) !== 0n;
    case 'double':
      return take(reader, 8).readDoubleLE();
    case 'float':
      return take(reader, 4).readFloatLE();
    case 'int32':
      return Number(BigInt.asIntN(32, readVarint(reader)));
    case 'int64':
      return Number(BigInt.asIntN(64, readVarint(reader)));
    case 'uint32':
      return Number(BigInt.asUintN(32, readVarint(reader)));
    case 'uint64':
      return Number(BigInt.asUintN(64, readVarint(reader)));
  }
}

function readVarint(reader: Reader): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = take(reader, 1)[0]!;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  throw new ProtobufError('a varint has more than ten bytes');
}

function readBytes(reader: Reader, wire: number): Buffer {
  if (wire !== wireTypes.bytes) throw new ProtobufError(`the wire type ${wire} holds no bytes`);
  return take(reader, Number(readVarint(reader)));
}

function take(reader: Reader, length: number): Buffer {
  const { bytes, at } = reader;
  if (length > bytes.length - at) throw new ProtobufError('the message is cut short');
  reader.at += length;
  return bytes.subarray(at, at + length);
}

function skip(reader: Reader, wire: number): void {
  if (wire === wireTypes.varint) readVarint(reader);
  else if (wire === wireTypes.fixed64) take(reader, 8);
  else if (wire === wireTypes.bytes) readBytes(reader, wire);
  else if (wire === wireTypes.fixed32) take(reader, 4);
  else throw new ProtobufError(`unknown wire type ${wire}`);
}

function wireTypeOf({ type }: Field): number {
  if (type.kind === 'message') return wireTypes.bytes;
  if (type.kind === 'enum') return wireTypes.varint;
  switch (type.scalar) {
    case 'string':
    case 'bytes':
      return wireTypes.bytes;
    case 'double':
      return wireTypes.fixed64;
    case 'float':
      return wireTypes.fixed32;
    default:
      return wireTypes.varint;
  }
}

/** Writes an object in the form of `types.ts` as protobuf; fields and enum names that the schema lacks are left out. */
export function toProtobuf(name: string, message: object): Buffer {
  const pieces: Buffer[] = [];
  writeMessage(messageType(name), message as Record<string, unknown>, pieces);
  return Buffer.concat(pieces);
}

function writeMessage(type: MessageType, message: Record<string, unknown>, pieces: Buffer[]): void {
  for (const [name, value] of Object.entries(message)) {
    const field = type.fields.get(name);
    if (!field || value === undefined || value === null) continue;
    if (field.label === 'repeated') for (const element of value as unknown[]) writeField(field, element, pieces);
    else if (field.label === 'map')
      for (const [key, element] of Object.entries(value as object)) {
        const entry: Buffer[] = [];
        writeBytes(1, Buffer.from(key), entry);
        writeField({ ...field, number: 2 }, element, entry);
        writeBytes(field.number, Buffer.concat(entry), pieces);
      }
    else writeField(field, value, pieces);
  }
}

function writeField(field: Field, value: unknown, pieces: Buffer[]): void {
  const { type } = field;
  switch (type.kind) {
    case 'message': {
      const inner: Buffer[] = [];
      writeMessage(messageType(type.message), value as Record<string, unknown>, inner);
      writeBytes(field.number, Buffer.concat(inner), pieces);
      return;
    }
    case 'enum': {
      const number = type.values.numbers.get(String(value));
      if (number === undefined) return;
      pieces.push(varint(BigInt(field.number << 3)), varint(BigInt.asUintN(64, BigInt(number))));
      return;
    }
    case 'scalar':
      writeScalar(field.number, type.scalar, value, pieces);
  }
}

function writeScalar(number: number, scalar: Scalar, value: unknown, pieces: Buffer[]): void {
  switch (scalar) {
    case 'string':
      writeBytes(number, Buffer.from(String(value)), pieces);
      return;
    case 'bytes':
      writeBytes(number, Buffer.from(String(value), 'base64'), pieces);
      return;
    case 'double':
    case 'float': {
      const bytes = Buffer.alloc(scalar === 'double' ? 8 : 4);
      if (scalar === 'double') bytes.writeDoubleLE(Number(value));
      else bytes.writeFloatLE(Number(value));
      pieces.push(varint(BigInt((number << 3) | (scalar === 'double' ? wireTypes.fixed64 : wireTypes.fixed32))), bytes);
      return;
    }
    default: {
      const integer = typeof value === 'boolean' ? BigInt(value) : BigInt(Math.trunc(Number(value)));
      // Negative numbers are written with all their 64 bits, also 32-bit ones.
      pieces.push(varint(BigInt(number << 3)), varint(BigInt.asUintN(64, integer)));
    }
  }
}

function writeBytes(number: number, bytes: Buffer, pieces: Buffer[]): void {
  pieces.push(varint(BigInt((number << 3) | wireTypes.bytes)), varint(BigInt(bytes.length)), bytes);
}

function varint(value: bigint): Buffer {
  if (value < 0x80n) return Buffer.from([Number(value)]);
  const bytes: number[] = [];
  let left = value;
  while (left >= 0x80n) {
    bytes.push(Number(left & 0x7fn) | 0x80);
    left >>= 7n;
  }
  bytes.push(Number(left));
  return Buffer.from(bytes);
}
