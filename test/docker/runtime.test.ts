import { rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StatusDocument } from '../../src/cluster/status.ts';
import { observe } from '../integration/observe.ts';
import { skipped } from '../support/skipped.ts';
import { createDockerWorkplace, type DockerWorkplace, fewPorts } from './cluster.ts';
import { engineAnswers, testEngine } from './test-engine.ts';

const none = skipped(await engineAnswers(), 'the Docker runtime', 'no Docker engine answers');
const nodes = ['node-1', 'node-2', 'node-3'];

describe.skipIf(none)('a cluster in Docker', () => {
  let place: DockerWorkplace;
  let made: StatusDocument;
  let observed: ReturnType<typeof observe>;

  beforeAll(async () => {
    place = await createDockerWorkplace();
    observed = observe(place);
    made = await place.json<StatusDocument>('up', '--no-samples');
  });

  afterAll(async () => {
    await place?.run('down');
    const left = await place?.remains();
    await place?.close();
    expect(left ?? []).toEqual([]);
  });

  it('has a container for each node, and all services are ready', async () => {
    const found = (await whole()) as unknown as StatusDocument;
    expect(found).toMatchObject({ state: 'running', runtime: 'docker', engine: 'embedded' });
    expect(found.nodes.map(({ name, state }) => [name, state])).toEqual(nodes.map((name) => [name, 'running']));
    for (const { services } of found.nodes) {
      expect(services).toHaveLength(5);
      for (const service of services) expect(service).toMatchObject({ ready: true, state: 'running' });
      expect(new Set(services.map(({ containerId }) => containerId)).size).toBe(1);
    }
  });

  it('changes nothing when it is brought up again', async () => {
    const before = await place.inspect('node-1');
    expect((await place.run('up', '--no-samples')).stdout).toContain('nothing had to be changed');
    expect((await place.inspect('node-1')).State).toEqual(before.State);
  });

  it('is known by labels; its containers come back with the engine, and their logs stay small', async () => {
    const { Config, HostConfig } = await place.inspect('node-2');
    expect(Config.Hostname).toBe('node-2');
    expect(Config.Labels).toMatchObject({
      'devcluster.cluster': place.cluster,
      'devcluster.node': 'node-2',
      'devcluster.kind': 'node',
      'devcluster.component': 'zookeeper,mesos-master,mesos-agent,marathon,mesos-dns',
    });
    expect(Config.Labels['devcluster.config-hash']).toMatch(/^[0-9a-f]{16}$/);
    expect(HostConfig.RestartPolicy.Name).toBe('unless-stopped');
    expect(HostConfig.LogConfig).toEqual({ Type: 'json-file', Config: { 'max-file': '3', 'max-size': '10m' } });
  });

  it('is reached at loopback addresses only', async () => {
    const { NetworkSettings } = await place.inspect('node-1');
    const addresses = Object.values(NetworkSettings.Ports).flatMap((ports) => ports ?? []);
    expect(addresses.length).toBeGreaterThan(9);
    for (const { HostIp } of addresses) expect(HostIp).toMatch(/^127\./);
    const { marathon, mesos } = made.endpoints!;
    expect(await (await fetch(`${marathon}/v2/info`)).json()).toMatchObject({ name: 'marathon' });
    expect(await (await fetch(`${mesos}/version`)).json()).toHaveProperty('version');
  });

  it('has an own network, in which every node has a fixed address and knows the names of all', async () => {
    for (const [i, name] of nodes.entries()) {
      const { NetworkSettings } = await place.inspect(name);
      expect(NetworkSettings.Networks[`devcluster-${place.cluster}`]?.IPAddress).toBe(made.nodes[i]!.address);
    }
    const hosts = (await place.run('exec', 'node-1', '--', 'cat', '/etc/hosts')).stdout;
    for (const { name, address } of made.nodes) expect(hosts).toContain(`${address}\t${name}`);
  });

  it('runs commands on a node, with its environment, and ends with their exit code', async () => {
    const { stdout } = await place.run(
      'exec',
      'node-2',
      '--',
      'sh',
      '-c',
      'echo $DEVCLUSTER_NODE $MESOS_AGENT_URL; hostname',
    );
    expect(stdout).toBe(`node-2 http://${made.nodes[1]!.address}:5051\nnode-2\n`);
    expect((await place.run('exec', 'node-2', '--', 'sh', '-c', 'exit 7')).code).toBe(7);
  });

  it('finds its names in the cluster by Mesos-DNS', async () => {
    const { stdout } = await place.run('exec', 'node-3', '--', 'getent', 'hosts', 'leader.mesos');
    const leader = (await observed.status()).nodes.find(({ services }) =>
      services.some(({ component, leader }) => component === 'mesos-master' && leader),
    );
    expect(stdout).toContain(made.nodes.find(({ name }) => name === leader?.name)!.address);
  });

  it('shows logs of nodes and of one service', async () => {
    const all = (await place.run('logs', 'node-1')).stdout;
    expect(all).toContain('node-1/zookeeper ');
    expect(all).toContain('node-1 ');
    const lines = (await place.run('logs', 'node-1/mesos-agent', '--tail', '2')).stdout.trim().split('\n');
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).toMatch(/^node-1\/mesos-agent \d{4}-\d\d-\d\dT/);
  });

  it('runs command tasks, which the laptop reaches at 127.0.0.1', async () => {
    await deploy(place, {
      id: '/web',
      args: [
        '/usr/local/bin/node',
        '-e',
        'require("http").createServer((_, a) => a.end("here")).listen(process.env.PORT0)',
      ],
      cpus: 0.1,
      mem: 32,
      instances: 3,
      constraints: [['node', 'UNIQUE']],
      portDefinitions: [{ port: 0 }],
      healthChecks: [{ protocol: 'HTTP', path: '/', intervalSeconds: 1, gracePeriodSeconds: 10 }],
    });
    const tasks = await webTasks();
    expect(new Set(tasks.map(({ host }) => host)).size).toBe(3);
    for (const { ports } of tasks) expect(await get(`http://127.0.0.1:${ports[0]}/`)).toBe('here');
  });

  it('is degraded while a node is killed, and whole when it was started', async () => {
    await place.run('node', 'kill', 'node-2');
    expect(nodeOf(await observed.status(), 'node-2').state).toBe('failed');
    expect((await place.run('start', 'node-2')).code).toBe(0);
    await whole();
    await healthyAgain();
  });

  it('stops and starts a service alone', async () => {
    await place.run('stop', 'node-1/mesos-dns');
    expect(serviceOf(await observed.status(), 'node-1', 'mesos-dns')).toMatchObject({ state: 'stopped', ready: false });
    expect((await place.run('start', 'node-1/mesos-dns')).code).toBe(0);
    await observed.statusUntil((found) => serviceOf(found, 'node-1', 'mesos-dns')?.ready === true);
  });

  it('survives that a node is paused', async () => {
    await place.run('node', 'pause', 'node-3');
    expect((await place.inspect('node-3')).State.Status).toBe('paused');
    expect(nodeOf(await observed.status(), 'node-3').state).toBe('paused');
    await place.run('node', 'resume', 'node-3');
    await whole();
  });

  it('survives that a node is cut off, which gets its address and its ports back', async () => {
    const before = await place.inspect('node-1');
    await place.run('node', 'partition', 'node-1');
    expect((await place.inspect('node-1')).NetworkSettings.Networks).toEqual({});
    expect(nodeOf(await observed.status(), 'node-1').state).toBe('partitioned');
    await place.run('node', 'heal', 'node-1');
    const after = await place.inspect('node-1');
    expect(after.NetworkSettings.Networks[`devcluster-${place.cluster}`]?.IPAddress).toBe(made.nodes[0]!.address);
    expect(after.State).toEqual(before.State);
    await whole();
  });

  it('is repaired by up when a container was removed behind its back; the data is kept', async () => {
    const { Id } = await place.inspect('node-3');
    await testEngine.call('DELETE', `/containers/${Id}?force=1`);
    expect(nodeOf(await observed.status(), 'node-3').state).toBe('failed');
    const { code, stdout, stderr } = await place.run('up', '--no-samples');
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('(repaired)');
    await whole();
  });

  it('keeps its apps when all of its containers were stopped, as by a reboot', async () => {
    await Promise.all(nodes.map((name) => place.act(name, 'stop?t=10')));
    expect((await place.run('up', '--no-samples')).code).toBe(0);
    await healthyAgain();
  });

  it('keeps its apps when it is stopped and started', async () => {
    expect((await place.run('stop')).code).toBe(0);
    expect((await observed.status()).state).toBe('stopped');
    expect((await place.run('start')).code).toBe(0);
    await healthyAgain();
  });

  it('is a conflict for others who take its name, and stays as it is', async () => {
    const other = await createDockerWorkplace({ DEVCLUSTER_NAME: place.cluster });
    try {
      const { code, stdout } = await other.run('up', '--no-samples', '--json');
      expect([code, JSON.parse(stdout).error.code]).toEqual([6, 'NAME_IN_USE']);
      await other.run('down');
      await whole();
    } finally {
      await other.close();
    }
  });

  /** A busy machine may keep a service from answering in time now and then. */
  const whole = () => observed.statusUntil(({ state }) => state === 'running');

  const webTasks = async () =>
    (await place.json<{ id: string; tasks: { host: string; ports: number[]; healthy: boolean }[] }[]>('apps')).find(
      ({ id }) => id === '/web',
    )!.tasks;

  async function healthyAgain(): Promise<void> {
    for (;;) {
      const tasks = await webTasks();
      if (tasks.length === 3 && tasks.every(({ healthy }) => healthy)) return;
    }
  }
});

describe.skipIf(none)('a cluster in Docker that can not be had', () => {
  let place: DockerWorkplace;

  beforeAll(async () => {
    place = await createDockerWorkplace();
  });
  afterAll(() => place?.close());

  const refused = async (config: string, env: Record<string, string> = {}) => {
    await writeFile(join(place.folder, 'devcluster.yml'), fewPorts + config);
    const { ended } = place.start(['up', '--no-samples', '--json'], env);
    const { code, stdout } = await ended;
    const { error } = JSON.parse(stdout) as { error: { code: string; message: string; hint: string } };
    expect(await place.remains()).toEqual([]);
    return { exit: code, ...error };
  };

  it('is refused with what to do when no engine answers', async () => {
    const error = await refused('', { DOCKER_HOST: 'unix:///nowhere/docker.sock' });
    expect(error).toMatchObject({ exit: 3, code: 'NO_DOCKER' });
    expect(error.message).toContain('unix:///nowhere/docker.sock (DOCKER_HOST)');
    expect(error.hint).toContain('--runtime process');
  });

  it('is refused with the way out when the engine is reached over SSH', async () => {
    const error = await refused('', { DOCKER_HOST: 'ssh://me@far' });
    expect(error).toMatchObject({ exit: 3, code: 'DOCKER_OVER_SSH' });
    expect(error.hint).toContain('ssh -nNT -L');
  });

  it('is a conflict when its subnet is another network’s', async () => {
    const { json } = await testEngine.call<{ Id: string }>('POST', '/networks/create', {
      Name: `other-${place.cluster}`,
      IPAM: { Config: [{ Subnet: '10.209.77.0/24' }] },
    });
    try {
      const error = await refused('network: { subnet: 10.209.77.0/25 }\n');
      expect(error).toMatchObject({ exit: 6, code: 'SUBNET_IN_USE' });
    } finally {
      await testEngine.call('DELETE', `/networks/${json.Id}`);
    }
  });

  it('is a conflict when somebody else’s things have its names; they are left alone', async () => {
    const name = `devcluster-${place.cluster}`;
    await testEngine.call('POST', '/networks/create', { Name: name });
    expect(await refused('')).toMatchObject({ exit: 6, code: 'NAME_IN_USE' });
    expect((await testEngine.call('DELETE', `/networks/${name}`)).status).toBe(204);
    const [image] = (await testEngine.call<{ Id: string }[]>('GET', '/images/json')).json;
    const container = `/containers/${name}-node-2`;
    await testEngine.call('POST', `/containers/create?name=${name}-node-2`, { Image: image!.Id, Cmd: ['true'] });
    expect(await refused('')).toMatchObject({ exit: 6, code: 'NAME_IN_USE' });
    expect((await testEngine.call('DELETE', container)).status).toBe(204);
  });

  it('ends at once with the last lines of a service that fails, and leaves nothing', async () => {
    const error = await refused('components: { mesos-master: { flags: { allocation_interval: nonsense } } }\n');
    expect(error).toMatchObject({ exit: 4, code: 'SERVICE_FAILED' });
    expect(error.message).toContain('allocation_interval');
  });

  it('leaves nothing when it is interrupted', async () => {
    await writeFile(join(place.folder, 'devcluster.yml'), fewPorts);
    const { child, ended } = place.start(['up', '--no-samples']);
    for (;;) if ((await place.remains()).length > 3) break;
    child.kill('SIGINT');
    expect((await ended).code).toBe(130);
    expect(await place.remains()).toEqual([]);
  });

  it('is made once by two that make it at the same time', async () => {
    const both = await Promise.all([place.run('up', '--no-samples'), place.run('up', '--no-samples')]);
    expect(both.map(({ code }) => code).sort()).toEqual([0, 6]);
  });

  it('is found and removed by prune when its record was lost, but not by that of another user', async () => {
    await rm(join(place.stateHome, 'devcluster'), { recursive: true });
    const elsewhere = await place.start(['prune', '--yes', '--json'], { XDG_STATE_HOME: join(place.folder, 'other') })
      .ended;
    expect(JSON.parse(elsewhere.stdout)).toEqual({ removed: [], failed: [] });
    expect(await place.remains()).not.toEqual([]);
    const { code, stderr } = await place.run('prune');
    expect(code).toBe(2);
    expect(stderr).toContain(
      `${place.cluster}: its record is gone; left of it: 3 running containers, 1 network, 3 volumes`,
    );
    expect(await place.json('prune', '--yes')).toEqual({ removed: [place.cluster], failed: [] });
    expect(await place.remains()).toEqual([]);
  });
});

async function deploy(place: DockerWorkplace, app: object): Promise<void> {
  const file = join(place.folder, 'app.json');
  await writeFile(file, JSON.stringify(app));
  const { code, stdout, stderr } = await place.run('deploy', file);
  expect(code, stdout + stderr).toBe(0);
}

function nodeOf({ nodes: all }: { nodes: { name: string; state: string }[] }, name: string) {
  return all.find((node) => node.name === name)!;
}

function serviceOf(
  { nodes: all }: Awaited<ReturnType<ReturnType<typeof observe>['status']>>,
  node: string,
  component: string,
) {
  return all.find(({ name }) => name === node)!.services.find((service) => service.component === component);
}

/** One exchange on a connection of its own. */
function get(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request(url, { agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('end', () => resolve(text));
    })
      .once('error', reject)
      .end();
  });
}
