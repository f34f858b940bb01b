import { afterEach, beforeEach, expect, test } from 'vitest';
import { type EmbeddedEnsemble, startEmbeddedZooKeeper } from '../../support/embedded-zookeeper.ts';
import { freePorts } from '../../support/real-zookeeper.ts';

let server: EmbeddedEnsemble;
let port: number;
beforeEach(async () => {
  [port = 0] = await freePorts(1);
  server = await startEmbeddedZooKeeper({
    servers: 1,
    settings: { 'admin.enableServer': 'true', 'admin.serverPort': String(port) },
  });
});
afterEach(() => server.close());

const get = async (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init);
const command = async (name: string) => (await get(`/commands/${name}`)).json();

test('the admin server answers ruok, stats and monitor as JSON', async () => {
  const response = await get('/commands/ruok');
  expect(response.headers.get('content-type')).toBe('application/json');
  expect(await response.json()).toEqual({ command: 'ruok', error: null });
  expect(await command('stat')).toMatchObject({
    command: 'stats',
    error: null,
    read_only: false,
    node_count: 5,
    connections: [],
    server_stats: { server_state: 'standalone', num_alive_client_connections: 0 },
  });
  expect(await command('mntr')).toMatchObject({
    command: 'monitor',
    error: null,
    server_state: 'standalone',
    znode_count: 5,
    approximate_data_size: 44,
  });
  expect(await command('lead')).toMatchObject({ command: 'leader', is_leader: true });
});

test('the admin server lists its commands, and says which it does not know', async () => {
  expect(await (await get('/commands')).text()).toContain('<a href="/commands/monitor">monitor</a>');
  expect(await command('nope')).toEqual({ command: 'nope', error: 'Unknown command: nope' });
  expect((await get('/')).status).toBe(404);
  expect((await get('/commands/ruok', { method: 'POST' })).status).toBe(405);
});
