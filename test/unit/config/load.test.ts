import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConfigSources, loadClusterName, loadConfig } from '../../../src/config/load.ts';
import { DevclusterError } from '../../../src/support/errors.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'devcluster-config-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const write = (text: string, path = 'devcluster.yml') => writeFile(join(folder, path), text);
const load = (more: Partial<ConfigSources> = {}) => loadConfig({ cwd: folder, env: {}, ...more });

async function mistakesOf(text: string, more: Partial<ConfigSources> = {}): Promise<string[]> {
  await write(text);
  const error = await load(more).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DevclusterError);
  expect((error as DevclusterError).kind).toBe('usage');
  const details = (error as DevclusterError).details as { text: string }[];
  for (const { text: mistake } of details) expect((error as DevclusterError).message).toContain(mistake);
  return details.map((detail) => detail.text);
}

describe('the configuration without a file', () => {
  it('is three nodes that all carry the control services', async () => {
    const { config, file } = await load();
    expect(file).toBeUndefined();
    expect(config.nodes.map(({ name, control, cpus, mem, disk }) => ({ name, control, cpus, mem, disk }))).toEqual(
      ['node-1', 'node-2', 'node-3'].map((name) => ({ name, control: true, cpus: 4, mem: 4096, disk: 10000 })),
    );
    expect(config).toMatchObject({ runtime: 'auto', engine: 'auto', timing: 'development', samples: true });
  });

  it('is named after the user', async () => {
    expect((await load()).config.name).toMatch(/^dev-[a-z0-9-]+$/);
  });

  it.each([
    [1, 1],
    [2, 1],
    [3, 3],
    [4, 3],
    [5, 5],
    [8, 5],
  ])('of %i nodes has %i control nodes, the largest odd number up to five', async (nodes, control) => {
    const { config } = await load({ flags: { nodes } });
    expect(config.nodes.filter((node) => node.control)).toHaveLength(control);
    expect(config.nodes.slice(0, control).every((node) => node.control)).toBe(true);
  });
});

describe('the order of precedence', () => {
  it('is flags over variables over the file', async () => {
    await write('name: from-file\nnodes: 1\ntiming: production\n');
    const { config } = await load({
      env: { DEVCLUSTER_NAME: 'from-variable', DEVCLUSTER_NODES: '5' },
      flags: { name: 'from-flag' },
    });
    expect(config.name).toBe('from-flag');
    expect(config.nodes).toHaveLength(5);
    expect(config.timing).toBe('production');
  });

  it('leaves what an override does not mention', async () => {
    await write('network: { domain: Example.Test, resolvers: [10.0.0.1] }\ntimeouts: { service: 5 }\n');
    const { config } = await load({ env: { DEVCLUSTER_DOMAIN: 'other.test' }, flags: { timeout: 7 } });
    expect(config.network).toMatchObject({ domain: 'other.test', resolvers: ['10.0.0.1'] });
    expect(config.timeouts).toMatchObject({ up: 7, service: 5 });
  });

  it('names the variable or the flag that is wrong', async () => {
    const error = await load({ env: { DEVCLUSTER_RUNTIME: 'dokcer' }, flags: { name: 'Bad_Name', nodes: 0 } }).catch(
      (thrown: unknown) => thrown,
    );
    const { message } = error as Error;
    expect(message).toContain(
      "DEVCLUSTER_RUNTIME: must be auto or docker or process, not 'dokcer'; did you mean 'docker'?",
    );
    expect(message).toContain('--cluster: must be at most 31 small letters, digits and hyphens');
    expect(message).toContain('--nodes: must be a whole number from 1 to 50');
  });
});

describe('the configuration file', () => {
  it('is found in a folder above', async () => {
    await write('name: found\n');
    const below = join(folder, 'a', 'b');
    await mkdir(below, { recursive: true });
    expect((await load({ cwd: below })).config.name).toBe('found');
  });

  it('may be named, and then has to be there', async () => {
    await write('name: named\n', 'other.yml');
    expect((await load({ file: 'other.yml' })).config.name).toBe('named');
    await expect(load({ file: 'missing.yml' })).rejects.toMatchObject({ code: 'CONFIG_NOT_FOUND', kind: 'usage' });
  });

  it('may be empty', async () => {
    await write('# nothing yet\n');
    expect((await load()).config.nodes).toHaveLength(3);
  });

  it('describes single nodes and components', async () => {
    await write(`
version: 1
nodes:
  - { name: big, cpus: 8, attributes: { rack: 1 }, ports: 5 }
  - {}
components:
  marathon:
    env: { MARATHON_MESOS_ROLE: web }
    flags: { max_instances_per_offer: 7, ha: true, hostname: null }
apps: [apps/shop.json]
`);
    const { config } = await load();
    expect(config.nodes).toEqual([
      expect.objectContaining({ name: 'big', control: true, cpus: 8, attributes: { rack: '1' }, taskPorts: 5 }),
      expect.objectContaining({ name: 'node-2', control: false, cpus: 4 }),
    ]);
    expect(config.components.marathon).toEqual({
      env: { MARATHON_MESOS_ROLE: 'web' },
      flags: { max_instances_per_offer: '7', ha: 'true', hostname: null },
    });
    expect(config.apps).toEqual([join(folder, 'apps', 'shop.json')]);
  });

  it('gives every mistake at once, each with its line', async () => {
    expect(
      await mistakesOf(`version: 1
name: Bad_Name
nodez: 3
runtime: dokcer
nodes:
  - name: node-1
    cpus: lots
  - nane: node-2
components:
  maraton: {}
network:
  resolvers: [nowhere]
ports:
  marathon: 99999
`),
    ).toEqual([
      'devcluster.yml:2: name: must be at most 31 small letters, digits and hyphens, beginning with a letter',
      "devcluster.yml:3: nodez: unknown key 'nodez' (did you mean 'nodes'?)",
      `devcluster.yml:4: runtime: must be "auto" or "docker" or "process"; did you mean 'docker'?`,
      'devcluster.yml:7: nodes[0].cpus: must be a number, not "lots"',
      "devcluster.yml:8: nodes[1].nane: unknown key 'nane' (did you mean 'name'?)",
      "devcluster.yml:10: components.maraton: unknown key 'maraton' (did you mean 'marathon'?)",
      'devcluster.yml:12: network.resolvers[0]: must be an IPv4 address',
      'devcluster.yml:14: ports.marathon: must be a port, 1 to 65535',
    ]);
  });

  it('says which attribute Mesos would not take', async () => {
    expect(
      await mistakesOf(
        'nodes:\n  - attributes: { rack: "", row: "{a}", zone: "a;b" }\n  - attributes: { rack: "[1-5]", row: 7 }\n',
      ),
    ).toEqual([
      'devcluster.yml:2: nodes[0].attributes.rack: must be text, a number or ranges; this is empty',
      'devcluster.yml:2: nodes[0].attributes.row: must be text, a number or ranges; this is a set, which attributes know not',
      'devcluster.yml:2: nodes[0].attributes.zone: must not hold a semicolon or a line break',
    ]);
  });

  it('lists the known keys when none is near', async () => {
    const [mistake] = await mistakesOf('network: { qqqqqqqq: 1 }\n');
    expect(mistake).toContain('known keys: addresses, subnet, domain, publish, resolvers');
  });

  it('says where its syntax is wrong', async () => {
    const mistakes = await mistakesOf('name: ok\nnodes: [1\nengine: mesos\n');
    expect(mistakes[0]).toMatch(/^devcluster\.yml:[23]: /);
  });

  it('says what a key must be', async () => {
    expect(await mistakesOf('nodes: three\n')).toEqual([
      'devcluster.yml:1: nodes: must be a number or a list, not "three"',
    ]);
    expect(await mistakesOf('nodes: 0\n')).toEqual(['devcluster.yml:1: nodes: must be at least 1']);
    expect(await mistakesOf('just a text\n')).toEqual(['devcluster.yml:1: must be a map, not "just a text"']);
  });
});

describe('the rules', () => {
  it('refuse an even number of masters', async () => {
    expect(await mistakesOf('nodes:\n  - { control: true }\n  - { control: true }\n  - {}\n')).toEqual([
      'devcluster.yml:1: 2 nodes have control: true, an even number of masters; take 1 or 3',
    ]);
  });

  it('refuse a cluster without any master', async () => {
    const [mistake] = await mistakesOf('nodes: [{ control: false }]\n');
    expect(mistake).toContain('no node has control: true');
  });

  it('refuse two nodes of one name, at the line of the second', async () => {
    expect(await mistakesOf('nodes:\n  - name: a\n  - name: b\n  - name: a\n')).toEqual([
      "devcluster.yml:4: 'a' is the name of another node already",
    ]);
  });

  it('refuse one port for two purposes', async () => {
    expect(await mistakesOf('ports:\n  marathon: 9000\n  mesos-master: 9000\n')).toEqual([
      "devcluster.yml:2: 9000 is the port of 'mesos-master' already",
    ]);
  });

  it('refuse master and agent of two engines', async () => {
    const [mistake] = await mistakesOf('engine: mesos\ncomponents:\n  mesos-agent: { engine: embedded }\n');
    expect(mistake).toContain('a pair from one engine');
  });
});

describe("the cluster's name alone", () => {
  it('is found although other keys of the file are wrong', async () => {
    await write('name: mine\nnodez: 3\n');
    expect(await loadClusterName({ cwd: folder, env: {} })).toBe('mine');
  });

  it('needs no readable file when a flag gives it', async () => {
    await write('{{{{');
    expect(await loadClusterName({ cwd: folder, env: {}, flags: { name: 'given' } })).toBe('given');
    await expect(loadClusterName({ cwd: folder, env: {} })).rejects.toMatchObject({ kind: 'usage' });
  });

  it('is checked', async () => {
    await expect(loadClusterName({ cwd: folder, env: { DEVCLUSTER_NAME: '../etc' } })).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringContaining('DEVCLUSTER_NAME'),
    });
  });
});
