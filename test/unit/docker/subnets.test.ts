import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressOf,
  candidateSubnets,
  formatSubnet,
  gatewayOf,
  overlap,
  parseRoutes,
  parseSubnet,
  poolOf,
} from '../../../src/runtime/docker/subnets.ts';

const subnet = (text: string) => parseSubnet(text)!;

describe('the subnet of a cluster', () => {
  it('is the same for the same name, and of private addresses', () => {
    expect(candidateSubnets('demo')).toEqual(candidateSubnets('demo'));
    for (const candidate of candidateSubnets('demo')) {
      expect(formatSubnet(candidate)).toMatch(/^10\.2[1-4]\d\.\d+\.0\/24$/);
      expect(overlap(candidate, subnet('172.16.0.0/12'))).toBe(false);
    }
  });

  it('is read and written the same way', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 1, max: 30 }), (address, bits) => {
        const base = address - (address % 2 ** (32 - bits));
        const text = formatSubnet({ base, bits });
        expect(parseSubnet(text)).toEqual({ base, bits });
      }),
    );
  });

  it.each(['10.1.2.3/24', '10.1.2.0', '10.1.2.0/31', '10.1.2.256/24', 'all'])('is none: %s', (text) => {
    expect(parseSubnet(text)).toBeUndefined();
  });

  it('overlaps with those that share an address', () => {
    expect(overlap(subnet('10.0.0.0/8'), subnet('10.1.2.0/24'))).toBe(true);
    expect(overlap(subnet('10.1.2.0/24'), subnet('10.1.3.0/24'))).toBe(false);
  });

  it('has addresses for nodes that no other container is given', () => {
    const own = subnet('10.231.7.0/24');
    expect([gatewayOf(own), addressOf(own, 1), addressOf(own, 50)]).toEqual([
      '10.231.7.1',
      '10.231.7.11',
      '10.231.7.60',
    ]);
    expect(formatSubnet(poolOf(own)!)).toBe('10.231.7.128/25');
    expect(addressOf(own, 200)).toBeUndefined();
    expect(addressOf(subnet('10.231.7.0/29'), 5)).toBe('10.231.7.6');
    expect(addressOf(subnet('10.231.7.0/29'), 6)).toBeUndefined();
  });

  it('avoids the routes that Linux tells', () => {
    const table =
      'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n' +
      'eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\n' +
      'tun0\t0000D20A\t00000000\t0001\t0\t0\t0\t0000FFFF\n';
    expect(parseRoutes(table).map(formatSubnet)).toEqual(['10.210.0.0/16']);
  });
});
