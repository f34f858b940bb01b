import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PortName, type PortRange, standardPorts } from '../../../src/plan/types.ts';
import {
  blockSize,
  blocksOf,
  findPortRange,
  overlaps,
  portInBlock,
  portShifts,
  subnetOf,
  taskPortSpaces,
} from '../../../src/runtime/places/places.ts';

const range = fc
  .tuple(fc.integer({ min: 1, max: 65_535 }), fc.nat(200))
  .map(([begin, length]): PortRange => ({ begin, end: Math.min(65_535, begin + length) }));

describe('addresses', () => {
  it('are the same for the same name', () => {
    expect(subnetOf('dev-jane', 0)).toBe(subnetOf('dev-jane', 0));
    expect(subnetOf('dev-jane', 0)).not.toBe(subnetOf('dev-jane', 1));
    expect(subnetOf('dev-jane', 0)).not.toBe(subnetOf('dev-joe', 0));
  });

  it("are loopback addresses outside of the system's own", () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(15), (cluster, attempt) => {
        const [first, second, third] = subnetOf(cluster, attempt).split('.').map(Number);
        expect(first).toBe(127);
        expect(second).toBeGreaterThanOrEqual(1);
        expect(second).toBeLessThanOrEqual(254);
        expect(third).toBeLessThanOrEqual(254);
      }),
    );
  });
});

describe('ports that move', () => {
  it('stay below those of tasks, and above the standard ones', () => {
    const all = Object.values(standardPorts).flatMap((port) => portShifts.map((shift) => port + shift));
    expect(Math.min(...all)).toBeGreaterThanOrEqual(10_000);
    expect(Math.max(...all)).toBeLessThan(20_000);
  });
});

describe('blocks of ports', () => {
  it('have a place for each port that reminds of the standard one', () => {
    expect(portInBlock(11_300, 'marathon')).toBe(11_380);
    const ports = (Object.keys(standardPorts) as PortName[]).map((name) => portInBlock(11_300, name));
    expect(new Set(ports).size).toBe(ports.length);
    for (const port of ports) expect(port >= 11_300 && port < 11_300 + blockSize).toBe(true);
  });

  it('are each tried once, from a place of their own for each cluster', () => {
    fc.assert(
      fc.property(fc.string(), (cluster) => {
        const blocks = blocksOf(cluster);
        expect(new Set(blocks).size).toBe(90);
        expect(Math.min(...blocks)).toBe(11_000);
        expect(Math.max(...blocks) + blockSize).toBe(20_000);
      }),
    );
  });
});

describe('task ports', () => {
  it("lie below the system's ephemeral ports", () => {
    expect(taskPortSpaces({ begin: 32_768, end: 60_999 })[0]).toEqual({ begin: 20_000, end: 32_767 });
    expect(taskPortSpaces({ begin: 25_000, end: 60_999 })[0]).toEqual({ begin: 20_000, end: 24_999 });
  });

  it('lie above them where there is no room below', () => {
    expect(taskPortSpaces({ begin: 10_000, end: 60_999 })[0]).toEqual({ begin: 61_000, end: 65_535 });
  });

  it('lie among them where the system leaves nothing else', () => {
    expect(taskPortSpaces({ begin: 1024, end: 65_535 })).toEqual([{ begin: 20_000, end: 65_535 }]);
  });

  it('are the first ones in a row that are free', () => {
    const spaces = [{ begin: 100, end: 199 }];
    expect(findPortRange(10, spaces, [])).toEqual({ begin: 100, end: 109 });
    expect(findPortRange(10, spaces, [{ begin: 105, end: 105 }])).toEqual({ begin: 106, end: 115 });
    expect(findPortRange(10, spaces, [{ begin: 110, end: 120 }])).toEqual({ begin: 100, end: 109 });
    expect(findPortRange(10, spaces, [{ begin: 1, end: 195 }])).toBeUndefined();
    expect(findPortRange(10, [...spaces, { begin: 300, end: 400 }], [{ begin: 1, end: 195 }])).toEqual({
      begin: 300,
      end: 309,
    });
  });

  it('never overlap what is taken, and are found when there are any', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.array(range), (count, taken) => {
        const space = { begin: 20_000, end: 21_000 };
        const found = findPortRange(count, [space], taken);
        if (found) {
          expect(found.end - found.begin + 1).toBe(count);
          expect(found.begin >= space.begin && found.end <= space.end).toBe(true);
          expect(taken.some((other) => overlaps(other, found))).toBe(false);
        } else {
          for (let begin = space.begin; begin + count - 1 <= space.end; begin++)
            expect(taken.some((other) => overlaps(other, { begin, end: begin + count - 1 }))).toBe(true);
        }
      }),
    );
  });
});
