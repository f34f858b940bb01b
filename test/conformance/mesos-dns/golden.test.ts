import { readFileSync } from 'node:fs';
import dnsPacket from 'dns-packet';
import { describe, expect, it } from 'vitest';
import type { Zone } from '../../../src/embedded/mesos-dns/answer.ts';
import { type MesosDnsConfig, parseConfig } from '../../../src/embedded/mesos-dns/config.ts';
import { respond } from '../../../src/embedded/mesos-dns/dns-server.ts';
import { generateRecords } from '../../../src/embedded/mesos-dns/generator.ts';
import { createHttpApi } from '../../../src/embedded/mesos-dns/http-api.ts';
import { parseState } from '../../../src/embedded/mesos-dns/state.ts';
import { httpCall } from '../../../src/support/http-client.ts';
import { silentLogger } from '../../../src/support/logger.ts';

const folder = new URL('../../fixtures/golden/mesos-dns/', import.meta.url);
const text = (name: string) => readFileSync(new URL(name, folder), 'utf8');
const json = <T = unknown>(name: string) => JSON.parse(text(name)) as T;

const recorded = json<MesosDnsConfig>('v1-config.json');

/** The zone that the real Mesos-DNS served while it was recorded. */
function recordedZone(): Zone {
  const config = parseConfig(text('v1-config.json'), '/config.json', () => []);
  const records = generateRecords(parseState(text('master-state.json'))!, config, {
    masters: config.Masters,
    resolve: () => [],
    interfaces: () => ['172.31.77.11'],
  });
  return { config, records, serial: 1795370161 };
}

const zone = recordedZone();

interface Dig {
  title: string;
  rcode: string;
  flags: string[];
  sections: Record<'ANSWER' | 'AUTHORITY' | 'ADDITIONAL', string[]>;
  size: number;
}

/** Reads dig's output; one line of a section as `name ttl type data`. */
function parseDig(output: string): Dig[] {
  return output
    .split(/^### /m)
    .slice(1)
    .map((part) => {
      const section = (name: string) =>
        (new RegExp(`;; ${name} SECTION:\n((?:[^;\n].*\n)*)`).exec(part)?.[1] ?? '')
          .split('\n')
          .filter(Boolean)
          .map((line) =>
            line
              .replace(/\s+/g, ' ')
              .replace(' IN ', ' ')
              .replace(/ \d{10} /, ' SERIAL '),
          );
      return {
        title: part.slice(0, part.indexOf('\n')),
        rcode: /status: (\w+)/.exec(part)?.[1] ?? '',
        flags: /flags: ([a-z ]+);/.exec(part)?.[1]?.split(' ') ?? [],
        sections: { ANSWER: section('ANSWER'), AUTHORITY: section('AUTHORITY'), ADDITIONAL: section('ADDITIONAL') },
        size: Number(/MSG SIZE {2}rcvd: (\d+)/.exec(part)?.[1]),
      };
    });
}

/** dig's way of writing what dns-packet read. */
function line(record: dnsPacket.Answer): string {
  const start = `${record.name}. ${'ttl' in record ? record.ttl : ''} ${record.type}`;
  switch (record.type) {
    case 'SRV': {
      const { priority, weight, port, target } = record.data;
      return `${start} ${priority} ${weight} ${port} ${target}.`;
    }
    case 'SOA': {
      const { mname, rname, refresh, retry, expire, minimum } = record.data;
      return `${start} ${mname}. ${rname}. SERIAL ${refresh} ${retry} ${expire} ${minimum}`;
    }
    case 'NS':
      return `${start} ${record.data}.`;
    default:
      return `${start} ${String((record as { data: unknown }).data)}`;
  }
}

async function dig(question: string): Promise<Dig> {
  const [, tcp, type, name] = /^(TCP )?(\S+) (\S+)$/.exec(question)!;
  const query = dnsPacket.encode({
    type: 'query',
    id: 1,
    flags: dnsPacket.RECURSION_DESIRED,
    questions: [{ type: type as 'A', name: name! }],
  });
  const reply = await respond(query, tcp ? 'tcp' : 'udp', {
    zone: () => zone,
    forward: async () => undefined,
    random: () => 0.5,
  });
  const packet = dnsPacket.decode(reply!) as dnsPacket.DecodedPacket & { rcode: string };
  const flags = ['qr', 'aa', 'tc', 'rd', 'ra'].filter((flag) => packet[`flag_${flag}` as 'flag_aa']);
  return {
    title: question,
    rcode: packet.rcode,
    flags,
    sections: {
      ANSWER: (packet.answers ?? []).map(line),
      AUTHORITY: (packet.authorities ?? []).map(line),
      ADDITIONAL: (packet.additionals ?? []).map(line),
    },
    size: reply!.length,
  };
}

describe('the answers of the real Mesos-DNS, by dig', () => {
  const all = parseDig(text('dig.txt')).filter(({ title, flags }) => flags.includes('aa') && !title.startsWith('AXFR'));

  it('were read', () => {
    expect(all.length).toBeGreaterThan(30);
  });

  it.each(all.map((expected) => [expected.title, expected] as const))('%s', async (title, expected) => {
    const actual = await dig(title);
    const unordered = ({ sections, ...rest }: Dig) => ({
      ...rest,
      sections: {
        ANSWER: [...sections.ANSWER].sort(),
        AUTHORITY: [...sections.AUTHORITY].sort(),
        // Which of a target's addresses comes along is drawn by lot.
        ADDITIONAL: sections.ADDITIONAL.map((record) => record.replace(/^(slave\.mesos\. \d+ A) .*/, '$1 any')).sort(),
      },
    });
    expect(unordered(actual)).toEqual(unordered(expected));
  });
});

describe('the HTTP API of the real Mesos-DNS', () => {
  const get = async (path: string) => {
    const api = createHttpApi(() => zone, silentLogger);
    try {
      const port = await api.listen(0, '127.0.0.1');
      const { status, headers, body } = await httpCall(`http://127.0.0.1:${port}${path}`);
      return { status, type: headers['content-type'], body: JSON.parse(body.toString()) as never };
    } finally {
      await api.close();
    }
  };
  const unordered = (list: unknown[]) => [...list].map((item) => JSON.stringify(item)).sort();

  it.each([
    ['/v1/hosts/leader.mesos', 'v1-hosts-leader.mesos.json'],
    ['/v1/hosts/master.mesos', 'v1-hosts-master.mesos.json'],
    ['/v1/hosts/slave.mesos', 'v1-hosts-slave.mesos.json'],
    ['/v1/hosts/api.web.mesos', 'v1-hosts-api.web.mesos.json'],
    ['/v1/hosts/nope.mesos', 'v1-hosts-nope.mesos.json'],
    ['/v1/services/_leader._tcp.mesos', 'v1-services-_leader._tcp.mesos.json'],
    ['/v1/services/_api._tcp.web.mesos', 'v1-services-_api._tcp.web.mesos.json'],
    ['/v1/services/_http._api._tcp.web.mesos.', 'v1-services-_http._api._tcp.web.mesos.json'],
    ['/v1/services/_nope._tcp.web.mesos', 'v1-services-_nope._tcp.web.mesos.json'],
  ])('%s', async (path, file) => {
    const { status, type, body } = await get(path);
    expect([status, type]).toEqual([200, 'application/json']);
    expect(unordered(body)).toEqual(unordered(json<unknown[]>(file)));
  });

  it('/v1/axfr', async () => {
    const sorted = (zoneData: { Records: Record<string, Record<string, string[]>> }) => ({
      ...zoneData,
      Records: Object.fromEntries(
        Object.entries(zoneData.Records).map(([kind, records]) => [
          kind,
          Object.entries(records).map(([name, values]) => [name, [...values].sort()]),
        ]),
      ),
    });
    expect(sorted((await get('/v1/axfr')).body)).toEqual(sorted(json('v1-axfr.json')));
  });

  it('/v1/enumerate', async () => {
    expect((await get('/v1/enumerate')).body).toEqual(json('v1-enumerate.json'));
  });

  it('/v1/config', async () => {
    const { body } = await get('/v1/config');
    expect(body).toEqual(recorded);
    expect(Object.keys(body)).toEqual(Object.keys(recorded));
  });

  it('/v1/version', async () => {
    expect(Object.keys((await get('/v1/version')).body).sort()).toEqual(
      Object.keys(json<object>('v1-version.json')).sort(),
    );
  });
});
