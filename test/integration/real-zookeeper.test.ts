import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { identify, readStat } from '../../src/support/process.ts';
import { realZooKeeperMissing } from '../support/real-zookeeper.ts';
import { createWorkplace, type Workplace } from './devcluster.ts';

interface Status {
  state: string;
  engine: string;
  nodes: {
    name: string;
    state: string;
    services: { component: string; engine: string; ready: boolean; leader: boolean; version: string; pid?: number }[];
  }[];
}

interface AppDocument {
  id: string;
  tasksRunning: number;
}

const missing = realZooKeeperMissing();
if (missing) console.log(`The real ZooKeeper under a cluster is not tested: ${missing}`);

const configuration = 'version: 1\nsamples: false\ncomponents:\n  zookeeper: { engine: mesos }\n';
const app = { id: '/sleeper', cmd: 'exec sleep 1000', instances: 3, cpus: 0.1, mem: 16 };

let place: Workplace;
const status = () => place.json<Status>('status');

async function statusUntil(satisfied: (found: Status) => boolean): Promise<Status> {
  for (;;) {
    const found = await status();
    if (satisfied(found)) return found;
  }
}

async function untilTasksRun(): Promise<void> {
  for (;;) {
    const apps = await place.json<AppDocument[]>('apps');
    if (apps.find(({ id }) => id === app.id)?.tasksRunning === app.instances) return;
  }
}

/** Pid of the Java that serves as a node's ZooKeeper. */
function javaOf(node: string): number | undefined {
  const configFile = join(place.stateHome, 'devcluster', place.cluster, 'nodes', node, 'data/zookeeper/zoo.cfg');
  return readdirSync('/proc')
    .map(Number)
    .find((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return words.includes('org.apache.zookeeper.server.quorum.QuorumPeerMain') && words.includes(configFile);
      } catch {
        return false;
      }
    });
}

const hostOf = async (node: string) => (await status()).nodes.find(({ name }) => name === node)!.services[0]!.pid!;

describe.skipIf(missing !== undefined)('the real ZooKeeper under embedded servers', () => {
  beforeAll(async () => {
    place = await createWorkplace();
    await writeFile(join(place.folder, 'devcluster.yml'), configuration);
    await writeFile(join(place.folder, 'app.json'), JSON.stringify(app));
    const result = await place.run('up');
    expect(result.code, result.stderr).toBe(0);
  });
  afterAll(() => place?.close());

  it('is ready with a leader, and an app runs', async () => {
    const found = await status();
    expect([found.state, found.engine]).toEqual(['running', 'mixed']);
    const services = found.nodes.flatMap((node) => node.services);
    for (const { component, engine } of services) expect(engine).toBe(component === 'zookeeper' ? 'mesos' : 'embedded');
    expect(services.filter(({ component, leader }) => component === 'zookeeper' && leader)).toHaveLength(1);
    expect((await place.run('deploy', 'app.json')).code).toBe(0);
    await untilTasksRun();
  });

  it('writes to the log of its service', async () => {
    const { stdout } = await place.run('logs', 'node-1/zookeeper');
    expect(stdout).toContain('org.apache.zookeeper.server.quorum.QuorumPeerConfig');
  });

  it('can not be cut off from its peers: exit code 3', async () => {
    const result = await place.run('node', 'partition', 'node-2', '--json');
    expect([result.code, JSON.parse(result.stdout).error.code]).toEqual([3, 'PARTITION_NOT_POSSIBLE']);
    expect((await status()).state).toBe('running');
  });

  it('is stopped and goes on with its node', async () => {
    const java = javaOf('node-3')!;
    expect((await place.run('node', 'pause', 'node-3')).code).toBe(0);
    expect(readStat(java)?.state).toBe('T');
    expect((await place.run('node', 'resume', 'node-3')).code).toBe(0);
    expect(readStat(java)?.state).not.toBe('T');
    await statusUntil(({ state }) => state === 'running');
  });

  it('dies with its node, the others go on, and up repairs it', async () => {
    expect((await place.run('node', 'kill', 'node-2')).code).toBe(0);
    expect(javaOf('node-2')).toBeUndefined();
    const found = await statusUntil(({ nodes }) =>
      ['zookeeper', 'mesos-master', 'marathon'].every((component) =>
        nodes.some(({ services }) => services.some((service) => service.component === component && service.leader)),
      ),
    );
    expect(found.state).toBe('degraded');
    const result = await place.run('up');
    expect(result.code, result.stderr).toBe(0);
    expect(javaOf('node-2')).toBeDefined();
    await untilTasksRun();
  });

  it('is started again by its host when it ends', async () => {
    const java = javaOf('node-1')!;
    process.kill(java, 'SIGKILL');
    await statusUntil(({ state }) => state === 'running' && ![undefined, java].includes(javaOf('node-1')));
  });

  it('is in the way of nothing when only its host was killed', async () => {
    const java = javaOf('node-1')!;
    process.kill(await hostOf('node-1'), 'SIGKILL');
    expect(identify(java)).toBeDefined();
    const result = await place.run('up');
    expect(result.code, result.stderr).toBe(0);
    expect(identify(java)).toBeUndefined();
    expect((await status()).state).toBe('running');
  });

  it('keeps what it knows while the cluster is stopped', async () => {
    expect((await place.run('stop')).code).toBe(0);
    expect(javaOf('node-1')).toBeUndefined();
    expect((await place.run('start')).code).toBe(0);
    await untilTasksRun();
  });

  it('is not exchanged for another server under a living cluster: exit code 6', async () => {
    await writeFile(join(place.folder, 'devcluster.yml'), 'version: 1\nsamples: false\n');
    const other = await place.run('up', '--json');
    await writeFile(join(place.folder, 'devcluster.yml'), configuration);
    expect([other.code, JSON.parse(other.stdout).error.code]).toEqual([6, 'CLUSTER_DIFFERS']);
  });

  it('leaves nothing after down, even when a host was killed before', async () => {
    process.kill(await hostOf('node-2'), 'SIGKILL');
    expect((await place.run('down')).code).toBe(0);
    expect(place.leftovers()).toEqual([]);
  });
});

describe('where there is no Java', () => {
  it('up says what is missing and the way out, and leaves nothing: exit code 3', async () => {
    const bare = await createWorkplace();
    try {
      await writeFile(join(bare.folder, 'devcluster.yml'), configuration);
      const result = await bare.start(['up', '--json'], { PATH: '/nowhere', JAVA_HOME: '' }).ended;
      const { error } = JSON.parse(result.stdout);
      expect([result.code, error.code]).toEqual([3, 'ZOOKEEPER_MISSING']);
      expect(error.message).toContain("no 'java'");
      expect(error.hint).toContain('ZOOKEEPER_HOME');
      expect(JSON.parse((await bare.run('status', '--json')).stdout)).toMatchObject({ state: 'absent' });
    } finally {
      await bare.close();
    }
  });
});
