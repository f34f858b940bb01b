import { isIPv4 } from 'node:net';
import dnsPacket from 'dns-packet';

/**
 * DNS messages. Requests are read by dns-packet; answers are written here, since dns-packet does not compress names, and
 * how much fits into 512 bytes shows in what clients get. Source: RFC 1035, section 4; RFC 6891 for the UDP size.
 */

export const types = { A: 1, NS: 2, SOA: 6, AAAA: 28, SRV: 33, ANY: 255 } as const;

export const rcodes = { ok: 0, formatError: 1, serverFailure: 2, nameError: 3, refused: 5 } as const;

export interface Question {
  /** As asked, with final dot. */
  name: string;
  type: number;
}

export interface Query {
  id: number;
  /** The 16 bits of flags. */
  flags: number;
  question: Question;
  labels: string[];
  /** The question's bytes, to be repeated in the answer. */
  questionBytes: Buffer;
  /** What the client can take over UDP. */
  udpSize: number;
}

export type ResourceRecord = { name: string; ttl: number } & (
  | { type: 'A' | 'AAAA'; address: string }
  | { type: 'SRV'; weight: number; port: number; target: string }
  | { type: 'NS'; target: string }
  | {
      type: 'SOA';
      mname: string;
      rname: string;
      serial: number;
      refresh: number;
      retry: number;
      expire: number;
      minimum: number;
    }
);

export interface Answer {
  rcode: number;
  /** For names of our own zone. */
  authoritative: boolean;
  recursionAvailable: boolean;
  answers: ResourceRecord[];
  authorities: ResourceRecord[];
  additionals: ResourceRecord[];
}

const flagBits = {
  response: 0x8000,
  opcode: 0x7800,
  authoritative: 0x0400,
  truncated: 0x0200,
  recursionDesired: 0x0100,
  recursionAvailable: 0x0080,
  checkingDisabled: 0x0010,
};

/** A query, the rcode that its sender must be told, or undefined for bytes that deserve no answer. */
export function readQuery(message: Buffer): Query | { rcode: number } | undefined {
  if (message.length < 12) return undefined;
  const flags = message.readUInt16BE(2);
  if (flags & flagBits.response) return undefined;
  if (message.readUInt16BE(4) === 0) return { rcode: rcodes.serverFailure };
  const question = readQuestion(message);
  if (!question) return { rcode: rcodes.formatError };
  let udpSize = 512;
  try {
    for (const record of dnsPacket.decode(message).additionals ?? [])
      if (record.type === 'OPT') udpSize = Math.max(record.udpPayloadSize ?? 0, 512);
  } catch {
    return { rcode: rcodes.formatError };
  }
  return {
    id: message.readUInt16BE(0),
    flags,
    question: { name: `${question.labels.join('.')}.`, type: message.readUInt16BE(question.end - 4) },
    labels: question.labels,
    questionBytes: message.subarray(12, question.end),
    // Beyond it datagrams don't exist.
    udpSize: Math.min(udpSize, 65_000),
  };
}

/**
 * The first question's labels and where it ends; undefined when it is cut off or uses a pointer, for which there is
 * nothing before it to point to.
 */
function readQuestion(message: Buffer): { labels: string[]; end: number } | undefined {
  const labels: string[] = [];
  for (let at = 12; at < message.length; ) {
    const length = message[at]!;
    if (length > 63) return undefined;
    if (length === 0) return at + 5 <= message.length ? { labels, end: at + 5 } : undefined;
    labels.push(message.toString('utf8', at + 1, at + 1 + length));
    at += length + 1;
  }
  return undefined;
}

/** A bare answer to bytes that could not be understood as a query. */
export function encodeFailure(message: Buffer, rcode: number): Buffer {
  const reply = Buffer.alloc(12);
  message.copy(reply, 0, 0, 2);
  reply.writeUInt16BE(flagBits.response | echoed(message.readUInt16BE(2)) | rcode, 2);
  return reply;
}

/** What an answer repeats of the query's flags. Whatever the operation is called, the question is what is answered. */
function echoed(flags: number): number {
  const opcode = flags & flagBits.opcode;
  return opcode === 0 ? flags & (flagBits.recursionDesired | flagBits.checkingDisabled) : opcode;
}

/**
 * The answer's bytes. When they are more than `maxBytes`, the additional records go first, then answers from the end.
 * @param markTruncated whether the client is told that something is missing
 */
export function encodeAnswer(query: Query, answer: Answer, maxBytes: number, markTruncated: boolean): Buffer {
  const whole = write(query, answer, false);
  if (whole.length <= maxBytes) return whole;
  const without = (count: number) =>
    write(query, { ...answer, additionals: [], answers: answer.answers.slice(0, count) }, markTruncated);
  const bare = without(answer.answers.length);
  if (bare.length <= maxBytes) return bare;
  let fitting = 0;
  for (let over = answer.answers.length; over - fitting > 1; ) {
    const middle = (fitting + over) >> 1;
    if (without(middle).length <= maxBytes) fitting = middle;
    else over = middle;
  }
  return without(fitting);
}

function write(query: Query, answer: Answer, truncated: boolean): Buffer {
  const out = createWriter(query);
  const counts = [answer.answers, answer.authorities, answer.additionals].map((records) => {
    let count = 0;
    for (const record of records) if (out.record(record)) count++;
    return count;
  });
  return out.finish((header) => {
    header.writeUInt16BE(query.id, 0);
    let flags = flagBits.response | echoed(query.flags) | answer.rcode;
    if (answer.authoritative) flags |= flagBits.authoritative;
    if (answer.recursionAvailable) flags |= flagBits.recursionAvailable;
    if (truncated) flags |= flagBits.truncated;
    header.writeUInt16BE(flags, 2);
    header.writeUInt16BE(1, 4);
    for (const [i, count] of counts.entries()) header.writeUInt16BE(count, 6 + 2 * i);
  });
}

const typeCodes: Record<ResourceRecord['type'], number> = types;

function createWriter(query: Query) {
  let bytes = Buffer.alloc(512);
  let at = 12;
  /** Where each name, and each tail of a name, stands. */
  const places = new Map<string, number>();

  const reserve = (count: number) => {
    if (at + count > bytes.length) bytes = Buffer.concat([bytes], Math.max(bytes.length * 2, at + count));
    at += count;
    return at - count;
  };
  const u8 = (value: number) => {
    const to = reserve(1);
    bytes[to] = value;
  };
  const u16 = (value: number) => {
    const to = reserve(2);
    bytes.writeUInt16BE(value & 0xffff, to);
  };
  const u32 = (value: number) => {
    const to = reserve(4);
    bytes.writeUInt32BE(value >>> 0, to);
  };
  const name = (text: string, compress: boolean) => {
    let rest = text.replace(/\.+$/, '');
    while (rest !== '') {
      const known = places.get(rest);
      if (known !== undefined && compress) return u16(0xc000 | known);
      // Pointers reach no further.
      if (known === undefined && at < 0x4000) places.set(rest, at);
      const dot = rest.indexOf('.');
      const label = Buffer.from(dot < 0 ? rest : rest.slice(0, dot));
      if (label.length === 0 || label.length > 63) throw new RangeError(`'${text}' is no DNS name`);
      u8(label.length);
      const to = reserve(label.length);
      label.copy(bytes, to);
      rest = dot < 0 ? '' : rest.slice(dot + 1);
    }
    u8(0);
  };
  const data = (record: ResourceRecord) => {
    switch (record.type) {
      case 'A':
      case 'AAAA': {
        const address = packAddress(record.address);
        const to = reserve(address.length);
        address.copy(bytes, to);
        return;
      }
      case 'SRV':
        u16(0);
        u16(record.weight);
        u16(record.port);
        // RFC 2782 forbids compression here.
        return name(record.target, false);
      case 'NS':
        return name(record.target, true);
      case 'SOA':
        name(record.mname, true);
        name(record.rname, true);
        for (const value of [record.serial, record.refresh, record.retry, record.expire, record.minimum]) u32(value);
    }
  };

  const question = reserve(query.questionBytes.length);
  query.questionBytes.copy(bytes, question);
  // A label with a dot in it would be taken for two.
  if (!query.labels.some((label) => label.includes('.')))
    for (let i = 0, offset = 12; i < query.labels.length; i++) {
      places.set(query.labels.slice(i).join('.'), offset);
      offset += bytes[offset]! + 1;
    }

  return {
    /** false when the record can't be written: a name that DNS has no form for. */
    record(record: ResourceRecord): boolean {
      const start = at;
      try {
        name(record.name, true);
        u16(typeCodes[record.type]);
        u16(1);
        u32(record.ttl);
        const length = reserve(2);
        data(record);
        bytes.writeUInt16BE(at - length - 2, length);
        return true;
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        at = start;
        for (const [text, place] of places) if (place >= start) places.delete(text);
        return false;
      }
    },
    finish(writeHeader: (header: Buffer) => void): Buffer {
      writeHeader(bytes);
      return bytes.subarray(0, at);
    },
  };
}

function packAddress(text: string): Buffer {
  return isIPv4(text) ? Buffer.from(text.split('.').map(Number)) : packIPv6(text);
}

/** Any textual form of an IPv6 address, as 16 bytes. */
function packIPv6(text: string): Buffer {
  const plain = text.replace(/%.*$/, '').replace(/:(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => {
    const group = (high: string, low: string) => ((Number(high) << 8) | Number(low)).toString(16);
    return `:${group(a, b)}:${group(c, d)}`;
  });
  const [head = '', tail] = plain.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':'));
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const all = [...left, ...Array.from({ length: Math.max(8 - left.length - right.length, 0) }, () => '0'), ...right];
  const bytes = Buffer.alloc(16);
  for (const [i, group] of all.slice(0, 8).entries()) bytes.writeUInt16BE(Number.parseInt(group, 16) & 0xffff, 2 * i);
  return bytes;
}
