import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { blocks, describeOwner, listListeners, parseListeners } from '../../../src/runtime/places/listeners.ts';
import { skipped } from '../../support/skipped.ts';

let server: Server | undefined;
afterEach(() => server?.close());

const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
const line = (local: string, state: string) =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0000 100 0 0 10 0`;

describe("the system's table of sockets", () => {
  it('is read for what listens', () => {
    const text = [head, line('0100007F:1F90', '0A'), line('0100007F:1F91', '01'), line('00000000:0016', '0A'), ''];
    expect(parseListeners(text.join('\n'), 'tcp')).toEqual([
      { address: '127.0.0.1', port: 8080, uid: 1000, inode: '4711' },
      { address: '0.0.0.0', port: 22, uid: 1000, inode: '4711' },
    ]);
  });

  it('is read for IPv6, of which the wildcard and mapped addresses concern us', () => {
    const any = `${'0'.repeat(32)}:1F90`;
    const mapped = '0000000000000000FFFF00000100007F:1F90';
    const text = [head, line(any, '0A'), line(mapped, '0A')].join('\n');
    expect(parseListeners(text, 'tcp').map(({ address }) => address)).toEqual(['0.0.0.0', '127.0.0.1']);
  });

  it('may hold anything without an error', () => {
    expect(parseListeners('', 'tcp')).toEqual([]);
    expect(parseListeners(`${head}\nnonsense\n\n: : :`, 'udp')).toEqual([]);
  });
});

describe('a listener', () => {
  const at = (address: string) => ({ address, port: 80, uid: 0, inode: '1' });

  it('keeps others from its port at its address, or at all of them', () => {
    expect(blocks(at('0.0.0.0'), '127.1.2.3', 80)).toBe(true);
    expect(blocks(at('127.1.2.3'), '127.1.2.3', 80)).toBe(true);
    expect(blocks(at('127.1.2.4'), '127.1.2.3', 80)).toBe(false);
    expect(blocks(at('0.0.0.0'), '127.1.2.3', 81)).toBe(false);
  });

  it.skipIf(skipped(process.platform === 'linux', 'who listens on a port', 'only Linux has /proc'))(
    'is named by its program and process',
    async () => {
      server = createServer();
      await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as { port: number };
      const own = listListeners().find((listener) => listener.port === port);
      expect(describeOwner(own)).toContain(`(process ${process.pid})`);
      expect(describeOwner(undefined)).toBe('another program');
    },
  );
});
