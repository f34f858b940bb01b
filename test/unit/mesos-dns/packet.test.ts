import dnsPacket from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Zone } from '../../../src/embedded/mesos-dns/answer.ts';
import { defaults } from '../../../src/embedded/mesos-dns/config.ts';
import { resolversFor, respond } from '../../../src/embedded/mesos-dns/dns-server.ts';
import type { Forwarder } from '../../../src/embedded/mesos-dns/forward.ts';
import type { Records } from '../../../src/embedded/mesos-dns/generator.ts';
import { createStreamSplitter, frameMessage } from '../../../src/embedded/mesos-dns/stream.ts';

function zoneOf(records: Partial<Record<'A' | 'AAAA' | 'SRV', Record<string, string[]>>>, config = {}): Zone {
  const maps = (type: 'A' | 'AAAA' | 'SRV') =>
    new Map(Object.entries(records[type] ?? {}).map(([name, values]) => [name, new Set(values)]));
  const all: Records = { A: maps('A'), AAAA: maps('AAAA'), SRV: maps('SRV'), frameworks: [] };
  return { config: { ...defaults, ...config }, records: all, serial: 7 };
}

const nobody: Forwarder = async () => undefined;

async function ask(
  zone: Zone,
  name: string,
  type: string,
  { transport = 'udp' as 'udp' | 'tcp', udpSize = 0, forward = nobody } = {},
) {
  const query = dnsPacket.encode({
    type: 'query',
    id: 4711,
    flags: dnsPacket.RECURSION_DESIRED,
    questions: [{ type: type as 'A', name }],
    ...(udpSize
      ? {
          additionals: [
            { type: 'OPT', name: '.', udpPayloadSize: udpSize, flags: 0, options: [] } as unknown as dnsPacket.Answer,
          ],
        }
      : {}),
  });
  const reply = await respond(query, transport, { zone: () => zone, forward, random: () => 0 });
  return { bytes: reply!, packet: dnsPacket.decode(reply!) as dnsPacket.DecodedPacket & { rcode: string } };
}

const many = Array.from({ length: 300 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);

describe('answers', () => {
  it('read back by another implementation, names compressed', async () => {
    const zone = zoneOf({
      A: { 'web.marathon.mesos.': ['10.0.0.1'] },
      AAAA: { 'web.marathon.mesos.': ['fd00::a:1'] },
      SRV: { '_web._tcp.marathon.mesos.': ['web.marathon.mesos.:31000'] },
    });
    const { packet } = await ask(zone, '_web._tcp.marathon.mesos', 'SRV');
    expect(packet).toMatchObject({ id: 4711, rcode: 'NOERROR', flag_aa: true, flag_ra: true, flag_rd: true });
    expect(packet.answers).toMatchObject([
      { type: 'SRV', data: { priority: 0, weight: 1, port: 31000, target: 'web.marathon.mesos' }, ttl: 60 },
    ]);
    expect(packet.additionals).toMatchObject([
      { type: 'A', name: 'web.marathon.mesos', data: '10.0.0.1' },
      { type: 'AAAA', data: 'fd00::a:1' },
    ]);
    const any = await ask(zone, 'web.marathon.mesos', 'ANY');
    expect(any.packet.answers?.map(({ type }) => type).sort()).toEqual(['A', 'AAAA']);
    expect(any.packet.authorities?.map(({ type }) => type)).toEqual(['SOA', 'NS']);
    const services = await ask(zone, '_web._tcp.marathon.mesos', 'ANY');
    expect(services.packet.additionals?.map(({ type }) => type)).toEqual(['A', 'AAAA']);
    const nothing = await ask(zone, 'nothing.mesos', 'ANY');
    expect(nothing.packet.rcode).toBe('NXDOMAIN');
    expect(nothing.packet.authorities?.map(({ type }) => type)).toEqual(['SOA', 'NS', 'SOA']);
  });

  it('take wildcards inside a name for nothing', async () => {
    const zone = zoneOf({ A: { 'web.mesos.': ['10.0.0.1'] } });
    expect((await ask(zone, 'web.*.mesos', 'A')).packet.answers).toHaveLength(1);
  });

  it('over 512 bytes lose additional records first, then answers, and say so', async () => {
    const targets = Array.from({ length: 6 }, (_, i) => `a-longer-name-for-a-task-number-${i}.marathon.mesos.`);
    const zone = zoneOf({
      A: Object.fromEntries(targets.map((name) => [name, ['10.0.0.1']])),
      SRV: { '_x._tcp.mesos.': targets.map((name) => `${name}:1`) },
    });
    const { packet, bytes } = await ask(zone, '_x._tcp.mesos', 'SRV');
    expect([packet.answers?.length, packet.additionals?.length, packet.flag_tc]).toEqual([6, 0, true]);
    expect(bytes.length).toBeLessThanOrEqual(512);
    const all = await ask(zone, '_x._tcp.mesos', 'SRV', { udpSize: 4096 });
    expect([all.packet.answers?.length, all.packet.additionals?.length, all.packet.flag_tc]).toEqual([6, 6, false]);
  });

  it.each([
    [0, 512],
    [100, 512],
    [1232, 1232],
    [4096, 4096],
  ])('to a client that can take %i bytes have at most %i', async (udpSize, limit) => {
    const { packet, bytes } = await ask(zoneOf({ A: { 'web.mesos.': many } }), 'web.mesos', 'A', { udpSize });
    expect(bytes.length).toBeLessThanOrEqual(limit);
    expect(bytes.length).toBeGreaterThan(limit - 16);
    expect(packet.flag_tc).toBe(true);
  });

  it('over TCP are whole', async () => {
    const { packet } = await ask(zoneOf({ A: { 'web.mesos.': many } }), 'web.mesos', 'A', { transport: 'tcp' });
    expect(packet.answers).toHaveLength(300);
    expect(packet.flag_tc).toBe(false);
  });

  it('do not say that they are cut when SetTruncateBit is off', async () => {
    const zone = zoneOf({ A: { 'web.mesos.': many } }, { SetTruncateBit: false });
    expect((await ask(zone, 'web.mesos', 'A')).packet.flag_tc).toBe(false);
  });

  it('leave out records with names that DNS has no form for', async () => {
    const bad = `${'x'.repeat(80)}.mesos.`;
    const zone = zoneOf({ SRV: { '_x._tcp.mesos.': [`${bad}:1`, 'good.mesos.:2', 'a..b.mesos.:3'] } });
    const { packet } = await ask(zone, '_x._tcp.mesos', 'SRV');
    expect(packet.answers).toMatchObject([{ data: { target: 'good.mesos' } }]);
  });
});

describe('names outside the domain', () => {
  it('are refused when external names are off or nobody could be asked', async () => {
    expect((await ask(zoneOf({}, { ExternalOn: false }), 'example.org', 'A')).packet.rcode).toBe('REFUSED');
    expect((await ask(zoneOf({}, { Resolvers: [] }), 'example.org', 'A')).packet.rcode).toBe('REFUSED');
  });

  it('fail when no resolver answers', async () => {
    expect((await ask(zoneOf({}), 'example.org', 'A')).packet.rcode).toBe('SERVFAIL');
  });

  it('go to the resolvers of their zone', () => {
    const zone = zoneOf({}, { ZoneResolvers: { 'corp.example': ['10.9.9.9:5353'], example: ['10.8.8.8'] } });
    expect(resolversFor('a.CORP.example.', zone)).toEqual([{ host: '10.9.9.9', port: 5353 }]);
    expect(resolversFor('x.example.', zone)).toEqual([{ host: '10.8.8.8', port: 53 }]);
    expect(resolversFor('notexample.', zone)).toEqual([{ host: '8.8.8.8', port: 53 }]);
  });
});

describe('malformed messages', () => {
  const options = { zone: () => zoneOf({ A: { 'web.mesos.': many } }), forward: nobody, random: Math.random };
  const query = dnsPacket.encode({ type: 'query', id: 1, questions: [{ type: 'A', name: 'web.mesos' }] });

  const patch = (at: number, value: number) => (bytes: Buffer) => {
    bytes.writeUInt16BE(value, at);
    return bytes;
  };

  it('never do harm', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), async (bytes) => {
        await respond(Buffer.from(bytes), 'udp', options);
      }),
      { numRuns: 2000 },
    );
  });

  it('made from a good one never do harm', async () => {
    const changes = fc.array(fc.tuple(fc.nat(query.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(changes, fc.nat(query.length), async (edits, cut) => {
        const bytes = Buffer.from(query);
        for (const [at, value] of edits) bytes[at] = value;
        const reply = await respond(bytes.subarray(0, cut), 'udp', options);
        if (reply) expect(reply.length).toBeLessThanOrEqual(65_000);
      }),
      { numRuns: 2000 },
    );
  });

  it('that are answers get none', async () => {
    const answer = Buffer.from(query);
    answer[2] = 0x80;
    expect(await respond(answer, 'udp', options)).toBeUndefined();
    expect(await respond(Buffer.alloc(5), 'udp', options)).toBeUndefined();
  });

  it.each([
    ['a question cut off', (b: Buffer) => b.subarray(0, b.length - 2), 'FORMERR'],
    ['no question', patch(4, 0), 'SERVFAIL'],
    ['another opcode, which is answered as if it were a query', patch(2, 0x2800), 'NOERROR'],
    ['a pointer in the question', patch(12, 0xc00c), 'FORMERR'],
  ])('%s', async (_what, change, rcode) => {
    const reply = await respond(change(Buffer.from(query)), 'udp', options);
    expect(dnsPacket.decode(reply!)).toMatchObject({ id: 1, rcode, type: 'response' });
  });
});

describe('messages over TCP', () => {
  it('are found however the bytes were cut', () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)));
    fc.assert(
      fc.property(messages, fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }), (sent, cuts) => {
        const stream = Buffer.concat(sent.map(frameMessage));
        const received: Buffer[] = [];
        const push = createStreamSplitter((message) => received.push(Buffer.from(message)));
        for (let at = 0, i = 0; at < stream.length; i++) {
          const size = cuts[i % cuts.length]!;
          push(stream.subarray(at, at + size));
          at += size;
        }
        expect(received).toEqual(sent);
      }),
    );
  });
});
