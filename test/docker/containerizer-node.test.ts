import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ContainerInfo, Resource } from '../../src/protocols/mesos/types.ts';
import { httpCall } from '../../src/support/http-client.ts';
import {
  commandTask,
  type FakeMaster,
  framework,
  makeWorkDir,
  startAgent,
  startFakeMaster,
  type TestAgent,
} from '../conformance/mesos-agent/harness.ts';
import { eventually } from '../support/eventually.ts';
import { skipped } from '../support/skipped.ts';
import { containerOf, engineAnswers, freePort, socketPath, testEngine } from './test-engine.ts';
import { httpServer, makeTinyImage, tinyImage } from './tiny-image.ts';

const none = skipped(await engineAnswers(), "Docker tasks on a cluster's node", 'no Docker engine answers');
const cluster = `h2-${process.pid}`;
const network = `devcluster-${cluster}`;
const nodeContainer = `devcluster-${cluster}-node-1`;
const mine = `devcluster.cluster=${cluster}`;

/**
 * A node is stood in for by a container that only holds its network namespace, and its agent runs on this machine, at the
 * address that the machine has in the cluster's network.
 */
describe.skipIf(none)("an agent on a cluster's node", () => {
  let master: FakeMaster;
  let work: Awaited<ReturnType<typeof makeWorkDir>>;
  let gateway: string;
  let ports: number[];
  const agents: TestAgent[] = [];

  beforeAll(async () => {
    await makeTinyImage(testEngine);
    work = await makeWorkDir();
    master = await startFakeMaster();
    const labels = { Labels: { 'devcluster.cluster': cluster } };
    for (const Name of [network, `${network}-other`])
      await testEngine.call('POST', '/networks/create', { Name, CheckDuplicate: true, ...labels });
    const made = await testEngine.call<{ IPAM: { Config: { Gateway: string }[] } }>('GET', `/networks/${network}`);
    gateway = made.json.IPAM.Config[0]!.Gateway;
    const HostConfig = { NetworkMode: network };
    const holder = { Image: tinyImage, Hostname: 'node-1', Cmd: ['/bin/sleep', '1000'], HostConfig, ...labels };
    await testEngine.call('POST', `/containers/create?name=${nodeContainer}`, holder);
    await testEngine.call('POST', `/containers/${nodeContainer}/start`);
    ports = await Promise.all([freePort(gateway), freePort(gateway)]);
  });

  afterEach(async () => {
    for (const agent of agents.splice(0)) await agent.service.stop();
  });

  afterAll(async () => {
    await testEngine.removeAll(mine);
    for (const name of [network, `${network}-other`]) await testEngine.call('DELETE', `/networks/${name}`);
    await master?.close();
    await work?.remove();
  });

  async function startOwn(folder = 'agent') {
    const agent = await startAgent(
      master,
      join(work.path, folder),
      {
        containerizers: 'docker,mesos',
        docker_socket: socketPath,
        ip: gateway,
        resources: 'cpus:8;mem:8192;disk:4096;ports:[1-65535]',
        docker_remove_delay: '0secs',
        default_container_dns: JSON.stringify({
          docker: [{ network_mode: 'BRIDGE', dns: { nameservers: ['10.9.8.7'], search: ['mesos'] } }],
        }),
      },
      {
        DEVCLUSTER_CLUSTER: cluster,
        DEVCLUSTER_NODE: 'node-1',
        DEVCLUSTER_NETWORK: network,
        DEVCLUSTER_NODE_CONTAINER: nodeContainer,
      },
    );
    agents.push(agent);
    await agent.service.ready;
    return agent;
  }

  async function stop(agent: TestAgent) {
    agents.splice(agents.indexOf(agent), 1);
    await agent.service.stop();
  }

  const launch = (id: string, command: string, container: Partial<ContainerInfo>, port?: number) => {
    const { docker, ...rest } = container;
    const task = commandTask(id, command, {
      container: { type: 'DOCKER', ...rest, docker: { image: tinyImage, ...docker } },
      kill_policy: { grace_period: { nanoseconds: 0 } },
    });
    const ports: Resource[] = [
      {
        name: 'ports',
        type: 'RANGES',
        ranges: { range: port === undefined ? [] : [{ begin: port, end: port }] },
        allocation_info: { role: '*' },
      },
    ];
    const resources = [...(task.resources ?? []), ...ports];
    master.send({ type: 'LAUNCH', framework: framework(), task: { ...task, resources } });
  };
  const mapped = (port: number) => [{ host_port: port, container_port: 8080 }];
  const kill = async (id: string) => {
    master.send({ type: 'KILL', framework_id: { value: 'framework-1' }, task_id: { value: id } });
    await master.update(id, 'TASK_KILLED');
  };
  const get = async (port: number, host = gateway) =>
    (await httpCall(`http://${host}:${port}/`, { timeoutMs: 5000 })).body.toString();
  const output = (id: string) =>
    readFile(join(work.path, 'agent/slaves/latest/frameworks/framework-1/executors', id, 'runs/latest/stdout'), 'utf8');

  test('forwards its ports to bridge tasks in the cluster network, for as long as they run', async () => {
    await startOwn();
    const [port = 0] = ports;
    launch(
      'bridge',
      httpServer(8080, 'bridge'),
      { docker: { image: tinyImage, network: 'BRIDGE', port_mappings: mapped(port) } },
      port,
    );
    const running = await master.update('bridge', 'TASK_RUNNING');
    const subnet = gateway.replace(/\.\d+$/, '.');
    expect(running.container_status?.network_infos?.[0]?.ip_addresses?.[0]?.ip_address).toContain(subnet);
    // Docker's own proxies would take the connection before anybody listens; ours refuses it.
    await eventually(async () => expect(await get(port)).toBe('bridge'));
    expect(await get(port, '127.0.0.1')).toBe('bridge');
    const { json } = await containerOf<{ HostConfig: object; Name: string }>('bridge');
    expect(json).toMatchObject({
      HostConfig: { NetworkMode: network, PortBindings: {}, Dns: ['10.9.8.7'], DnsSearch: ['mesos'] },
      Name: expect.stringMatching(`^/devcluster-${cluster}-task-`),
      Config: { Labels: { 'devcluster.cluster': cluster, 'devcluster.node': 'node-1', 'devcluster.kind': 'task' } },
    });
    await kill('bridge');
    await expect(get(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    // Without a delay an ended container is removed at once.
    await eventually(async () => expect(await testEngine.withLabel('devcluster.task=bridge')).toEqual([]));
  });

  test('puts host tasks into the network namespace of the node, and user tasks into two networks', async () => {
    await startOwn();
    const [port = 0] = ports;
    launch('host', 'cat /etc/hostname; exec sleep 1000', { docker: { image: tinyImage, network: 'HOST' } });
    await master.update('host', 'TASK_RUNNING');
    await eventually(async () => expect(await output('host')).toBe('node-1\n'));
    launch(
      'user',
      httpServer(8080, 'user'),
      {
        docker: { image: tinyImage, network: 'USER', port_mappings: mapped(port) },
        network_infos: [{ name: `${network}-other` }],
      },
      port,
    );
    const running = await master.update('user', 'TASK_RUNNING');
    const { json } = await containerOf<{ NetworkSettings: { Networks: Record<string, { IPAddress: string }> } }>(
      'user',
    );
    const { Networks } = json.NetworkSettings;
    expect(Object.keys(Networks).sort()).toEqual([network, `${network}-other`]);
    expect(running.container_status?.network_infos).toEqual([
      {
        ip_addresses: [{ protocol: 'IPv4', ip_address: Networks[`${network}-other`]?.IPAddress }],
        name: `${network}-other`,
      },
    ]);
    await eventually(async () => expect(await get(port)).toBe('user'));
    await Promise.all([kill('host'), kill('user')]);
  });

  test('fails a task whose port something else has, and leaves nothing of it', async () => {
    await startOwn();
    const [port = 0, other = 0] = ports;
    launch(
      'first',
      httpServer(8080, 'first'),
      { docker: { image: tinyImage, network: 'BRIDGE', port_mappings: mapped(port) } },
      port,
    );
    await master.update('first', 'TASK_RUNNING');
    launch(
      'second',
      'exec sleep 1000',
      { docker: { image: tinyImage, network: 'BRIDGE', port_mappings: [...mapped(other), ...mapped(port)] } },
      port,
    );
    launch(
      'third',
      'exec sleep 1000',
      { docker: { image: tinyImage, network: 'BRIDGE', port_mappings: mapped(port) } },
      port,
    );
    expect((await master.update('third', 'TASK_FAILED')).message).toBe(
      `Failed to launch container: the node's port ${gateway}:${port}/tcp is taken by something else`,
    );
    expect((await master.update('second', 'TASK_FAILED')).message).toContain(
      `Port [${other}] not included in resources`,
    );
    await eventually(async () => expect(await testEngine.withLabel('devcluster.task=third')).toEqual([]));
    await kill('first');
  });

  test('that comes back has its tasks, forwards again and misses nothing of their output', async () => {
    const first = await startOwn();
    const [port = 0] = ports;
    const command = 'n=0; while :; do echo "count $n"; n=$((n+1)); sleep 0.02; done & ';
    launch(
      'stays',
      command + httpServer(8080, 'still here'),
      { docker: { image: tinyImage, network: 'BRIDGE', port_mappings: mapped(port) } },
      port,
    );
    launch('ends', 'echo begun; while [ ! -e $MESOS_SANDBOX/go ]; do sleep 0.02; done; echo over; exit 5', {
      docker: { image: tinyImage, network: 'HOST' },
    });
    launch('goes', 'exec sleep 1000', { docker: { image: tinyImage, network: 'HOST' } });
    for (const id of ['stays', 'ends', 'goes']) await master.update(id, 'TASK_RUNNING');
    await eventually(async () => expect(await output('stays')).toContain('count 5\n'));
    const before = (await containerOf('stays')).id;
    await stop(first);
    await testEngine.call('DELETE', `/containers/${(await containerOf('goes')).id}?force=1`);
    await testEngine.call('POST', `/containers/${(await containerOf('ends')).id}/kill?signal=KILL`);

    await startOwn();
    const again = await master.registered(master.registrations.length);
    expect(again.tasks.map(({ info }) => info.task_id.value).sort()).toEqual(['ends', 'goes', 'stays']);
    expect((await master.update('ends', 'TASK_FAILED')).message).toBe('Container exited with status 137');
    expect((await master.update('goes', 'TASK_GONE')).reason).toBe('REASON_EXECUTOR_REREGISTRATION_TIMEOUT');
    await eventually(async () => expect(await get(port)).toBe('still here'));
    expect((await containerOf('stays')).id).toBe(before);
    expect(master.statusesOf('stays').map(({ state }) => state)).toEqual(['TASK_STARTING', 'TASK_RUNNING']);
    const counted = async () => (await output('stays')).split('\n').filter((line) => line.startsWith('count'));
    const meanwhile = (await counted()).length;
    await eventually(async () => expect((await counted()).length).toBeGreaterThan(meanwhile));
    await kill('stays');
    const all = await counted();
    expect(all).toEqual(all.map((_, i) => `count ${i}`));
    expect(all.length).toBeGreaterThan(meanwhile);
  });

  test('ends the containers of tasks that it has forgotten, and touches no other', async () => {
    await startOwn();
    launch('mine', 'exec sleep 1000', { docker: { image: tinyImage, network: 'HOST' } });
    await master.update('mine', 'TASK_RUNNING');
    const make = async (name: string, Labels: Record<string, string>) => {
      const body = {
        Image: tinyImage,
        Cmd: ['/bin/sleep', '1000'],
        HostConfig: { NetworkMode: 'none' },
        Labels: { 'devcluster.cluster': cluster, ...Labels },
      };
      const { json } = await testEngine.call<{ Id: string }>('POST', `/containers/create?name=${name}`, body);
      await testEngine.call('POST', `/containers/${json.Id}/start`);
      return json.Id;
    };
    const common = { 'devcluster.kind': 'task', 'devcluster.container': 'unknown' };
    const own = { ...common, 'devcluster.node': 'node-1', 'devcluster.agent-dir': join(work.path, 'agent') };
    const forgotten = await make(`${network}-task-forgotten`, own);
    const others = [
      await make(`${network}-task-other`, { ...own, 'devcluster.node': 'node-2' }),
      await make(`${network}-task-place`, { ...own, 'devcluster.agent-dir': '/elsewhere' }),
      await make(`mesos-${cluster}`, {}),
    ];
    await stop(agents[0]!);
    await startOwn();
    await eventually(async () =>
      expect((await testEngine.call('GET', `/containers/${forgotten}/json`)).status).toBe(404),
    );
    for (const id of [...others, (await containerOf('mine')).id]) {
      const { json } = await testEngine.call<{ State: { Running: boolean } }>('GET', `/containers/${id}/json`);
      expect(json.State.Running).toBe(true);
    }
    await kill('mine');
  });

  test('ends host tasks whose node was started anew, since they have no network any more', async () => {
    const agent = await startOwn();
    launch('cut', 'exec sleep 1000', { docker: { image: tinyImage, network: 'HOST' } });
    await master.update('cut', 'TASK_RUNNING');
    await stop(agent);
    await testEngine.call('POST', `/containers/${nodeContainer}/restart?t=0`);
    await startOwn();
    expect((await master.update('cut', 'TASK_FAILED')).message).toMatch(/^Container lost its network/);
  });
});
