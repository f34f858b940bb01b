import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { decode, encode } from 'dns-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { probe } from '../../../src/cluster/probes.ts';
import { applyDefaults } from '../../../src/config/defaults.ts';
import { makePlan } from '../../../src/plan/plan.ts';
import { makeSite } from './fakes.ts';

const config = applyDefaults({}, 'test');
const plan = makePlan({ config, site: makeSite(config), runtime: 'process', engine: 'embedded' });
const [node] = plan.nodes;
const planned = node!.units.flatMap(({ services }) => services).find(({ component }) => component === 'mesos-dns')!;

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A DNS server that says nothing to the first questions, and the addresses to those that follow. */
async function dnsServer(silent: number, addresses: readonly string[] | 'NXDOMAIN') {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  closing.push(() => socket.close());
  let heard = 0;
  socket.on('message', (bytes, { port, address }) => {
    if (++heard <= silent) return;
    const { id, questions } = decode(bytes);
    const name = questions?.[0]?.name ?? '';
    const answers =
      addresses === 'NXDOMAIN' ? [] : addresses.map((data) => ({ type: 'A' as const, name, ttl: 60, data }));
    const flags = addresses === 'NXDOMAIN' ? 3 : 0;
    socket.send(
      encode({ type: 'response', ...(id === undefined ? {} : { id }), flags, questions, answers }),
      port,
      address,
    );
  });
  await once(socket, 'listening');
  const service = {
    ...planned,
    probe: { kind: 'dns' as const, host: '127.0.0.1', port: socket.address().port, name: 'a.b' },
  };
  return (timeoutMs: number) => probe(service, node!, { timeoutMs });
}

describe('asking Mesos-DNS whether it is ready', () => {
  it('takes an address for a yes', async () => {
    const ask = await dnsServer(0, ['10.0.0.1']);
    expect(await ask(5000)).toEqual({ ready: true, leader: false });
  });

  it('puts a question again that nobody heard, long before its time is up, and tells when it last did in vain', async () => {
    const ask = await dnsServer(2, ['10.0.0.1']);
    expect(await ask(15_000)).toEqual({ ready: true, leader: false, unansweredMs: expect.any(Number) });
  });

  it('knows one that does not know the name yet from one that does not answer', async () => {
    const unknown = await dnsServer(0, 'NXDOMAIN');
    expect(await unknown(5000)).toEqual({ ready: false, reason: 'it knows no a.b yet' });
    const silent = await dnsServer(Number.POSITIVE_INFINITY, []);
    expect(await silent(300)).toEqual({ ready: false, reason: 'it does not answer' });
  });
});
