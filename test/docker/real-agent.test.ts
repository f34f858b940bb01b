import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { httpCall } from '../../src/support/http-client.ts';
import { createWorkplace, type Workplace } from '../integration/devcluster.ts';
import { skipped } from '../support/skipped.ts';
import { buildTestImages } from './images/build.ts';
import { testImages } from './images/definitions.ts';
import { engineAnswers, testEngine } from './test-engine.ts';

const none = skipped(await engineAnswers(), 'the docker command of real agents', 'no Docker engine answers');

interface Status {
  nodes: { name: string; address: string }[];
}

/** What an answer of the engine says that Mesos reads of a container. */
interface Inspected {
  Id: string;
  Name: string;
  State: { Pid: number; StartedAt: string };
  HostConfig: { NetworkMode: string };
  NetworkSettings: { IPAddress?: string; Networks: Record<string, { IPAddress: string }> };
}

const wrapper = ['/etc/devcluster/docker', '-H', 'unix:///var/run/docker.sock'];
const soon = <T>(check: () => Promise<T>) => vi.waitFor(check, { timeout: 60_000, interval: 100 });

/**
 * Agents whose image has no docker command: they are given one. In their containers runs what the docker executor of
 * Mesos runs, word for word: the agents here are stand-ins, which ask the engine themselves.
 */
describe.skipIf(none)('real agents on one engine', () => {
  const docker = new Docker();
  let place: Workplace;
  let addresses: string[];
  let ports: number[];
  let network: string;
  const other = `devcluster-test-other-${process.pid}`;

  const agent = (node: number) => `devcluster-${place.cluster}-node-${node}-mesos-agent`;
  const inAgent = (node: number, command: readonly string[]) => testEngine.exec(agent(node), command);
  const byWrapper = (node: number, ...command: string[]) => inAgent(node, [...wrapper, ...command]);
  /** As an executor does, which then waits for its end. */
  const start = async (command: readonly string[]) => {
    const exec = await docker.getContainer(agent(1)).exec({ Cmd: [...command] });
    await exec.start({ Detach: true });
    return exec;
  };
  const nameOf = (kind: string) => `mesos-${place.cluster}-${kind}`;
  /** As Mesos 1.11 writes it for a task with a shell command. */
  const run = (kind: string, { net, words = [], program }: { net: string; words?: string[]; program: string }) =>
    start([
      ...[...wrapper, 'run', '--cpu-shares', '102', '--memory', '67108864', '-e', 'MESOS_SANDBOX=/mnt/mesos/sandbox'],
      ...['-e', `MESOS_CONTAINER_NAME=${nameOf(kind)}`, '-v', '/tmp:/mnt/mesos/sandbox', '--net', net, ...words],
      ...['--entrypoint', '/bin/sh', '--name', nameOf(kind), '--label=devcluster.node=another', testImages.mesosBare],
      ...['-c', `exec node -e '${program}'`],
    ]);
  const dns = () => ['--dns', addresses[0]!, '--dns', addresses[1]!];
  const server = (port: number | string, answer: string) =>
    `require("http").createServer((q, s) => s.end("${answer}")).listen(${port})`;
  /** What a program on a node is answered at each of these. */
  const fromNode = async (node: number, ...urls: string[]) => {
    const one = 'fetch(url).then((r) => r.text(), (e) => e.cause.code)';
    const all = `Promise.all(${JSON.stringify(urls)}.map((url) => ${one})).then((all) => console.log(JSON.stringify(all)))`;
    return JSON.parse(await inAgent(node, ['node', '-e', all])) as string[];
  };
  const fromLaptop = async (port: number) =>
    (await httpCall(`http://127.0.0.1:${port}/`, { timeoutMs: 5000 })).body.toString();
  const inspect = async (kind: string) => {
    const [found] = JSON.parse(await byWrapper(1, 'inspect', '--type=container', nameOf(kind))) as Inspected[];
    return found!;
  };

  beforeAll(async () => {
    await buildTestImages(docker, [testImages.mesosBare, testImages.dockerCli]);
    place = await createWorkplace({ env: { DEVCLUSTER_RUNTIME: 'docker' } });
    const real = (image: string) => ({ engine: 'mesos', image });
    const components = { 'mesos-master': real(testImages.mesosBare), 'mesos-agent': real(testImages.mesosBare) };
    await writeFile(
      join(place.folder, 'devcluster.yml'),
      JSON.stringify({ nodes: 2, samples: false, components, images: { dockerCli: testImages.dockerCli } }),
    );
    addresses = (await place.json<Status>('up')).nodes.map(({ address }) => address);
    const { Config } = await docker.getContainer(agent(1)).inspect();
    const [, begin] = /ports:\[(\d+)-/.exec(Config.Cmd?.join(' ') ?? '') ?? [];
    ports = Array.from({ length: 8 }, (_, i) => Number(begin) + i);
    network = `devcluster-${place.cluster}`;
    await docker.createNetwork({ Name: other, Labels: { 'devcluster.test': place.cluster } });
    // Some two hundred megabytes go into the engine before that.
  }, 600_000);

  afterAll(async () => {
    await place?.close();
    await docker
      .getNetwork(other)
      .remove()
      .catch(() => {});
  });

  it('have the docker command of an image of its own, which is pulled and listed with the others', async () => {
    expect(await byWrapper(1, '--version')).toMatch(/^Docker version \d+\./);
    expect(await inAgent(1, ['sh', '-c', 'command -v docker || echo none'])).toBe('none\n');
    const { Mounts } = await docker.getContainer(agent(1)).inspect();
    const mount = Mounts.find(({ Destination }) => Destination === '/opt/devcluster');
    expect(mount).toMatchObject({ Type: 'volume', RW: false });
    const volume = await docker.getVolume(mount?.Name ?? '').inspect();
    expect(volume.Labels).toMatchObject({ 'devcluster.cluster': place.cluster });
    const { images } = await place.json<{ images: { component: string; reference: string }[] }>('images', 'list');
    expect(images.at(-1)).toMatchObject({ component: 'docker-cli', reference: testImages.dockerCli, here: true });
  });

  it('describe an image as Mesos reads it, and no image as none', async () => {
    const [image] = JSON.parse(await byWrapper(1, 'inspect', testImages.mesosBare));
    expect(image.ContainerConfig).toEqual(image.Config);
    expect(image.ContainerConfig).toMatchObject({ Entrypoint: null, Env: [expect.stringContaining('PATH=')] });
    expect(await byWrapper(1, 'inspect', 'devcluster-test/nobody-has:1')).toBe('[]\n');
  });

  it('reach tasks of all kinds by their node and host port, from each node and from the laptop', async () => {
    const [command, host, bridge, user, foreign] = ports as [number, number, number, number, number];
    const mapped = (port: number) => ['-p', `${port}:8080/tcp`];
    await docker
      .getContainer(agent(1))
      .exec({ Cmd: ['node', '-e', server(command, 'command')] })
      .then((exec) => exec.start({ Detach: true }));
    await run('host', { net: 'host', program: server(host, 'host') });
    await run('bridge', { net: 'bridge', words: [...dns(), ...mapped(bridge)], program: server(8080, 'bridge') });
    await run('user', { net: network, words: [...dns(), ...mapped(user)], program: server(8080, 'user') });
    await run('foreign', { net: other, words: [...dns(), ...mapped(foreign)], program: server(8080, 'foreign') });
    const kinds = { command, host, bridge, user, foreign };
    for (const [kind, port] of Object.entries(kinds)) await soon(async () => expect(await fromLaptop(port)).toBe(kind));
    const urls = Object.values(kinds).map((port) => `http://${addresses[0]}:${port}/`);
    for (const node of [1, 2]) expect(await fromNode(node, ...urls)).toEqual(Object.keys(kinds));
  });

  it('say of a task what Mesos reads: its process, and its address in the network that its mode names', async () => {
    for (const kind of ['host', 'bridge', 'user', 'foreign']) {
      const { Id, Name, State, HostConfig, NetworkSettings } = await inspect(kind);
      expect({ Id, Name }).toEqual({ Id: expect.stringMatching(/^[0-9a-f]{64}$/), Name: `/${nameOf(kind)}` });
      // The agent sees that process, whose end it waits for.
      expect(await inAgent(1, ['cat', `/proc/${State.Pid}/comm`])).toBe('node\n');
      const mode = HostConfig.NetworkMode;
      const address = NetworkSettings.Networks[mode]?.IPAddress ?? NetworkSettings.IPAddress;
      expect(address).toMatch(kind === 'host' ? /^$/ : /^\d+\.\d+\.\d+\.\d+$/);
      expect(mode).toMatch({ host: /^container:/, bridge: network, user: network, foreign: other }[kind]!);
    }
  });

  it('give tasks the names of the cluster', async () => {
    for (const kind of ['bridge', 'foreign'])
      await soon(async () => {
        const lookup = 'require("dns").lookup("leader.mesos", (e, a) => console.log(a))';
        const found = await testEngine.exec(nameOf(kind), ['node', '-e', lookup]);
        expect(addresses).toContain(found.trim());
      });
  });

  it('see their own containers only', async () => {
    const names = (text: string) =>
      text
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => line.split(/\s+/).at(-1));
    const tasks = ['host', 'bridge', 'user', 'foreign'].map(nameOf);
    expect(names(await byWrapper(1, 'ps', '-a')).sort()).toEqual(tasks.sort());
    expect(names(await byWrapper(2, 'ps', '-a'))).toEqual([]);
  });

  it('forward datagrams, and the answers to them', async () => {
    const port = ports[5]!;
    const echo =
      'const s = require("dgram").createSocket("udp4"); s.on("message", (m, r) => s.send(m + "!", r.port, r.address)).bind(8080)';
    await run('udp', { net: 'bridge', words: [...dns(), '-p', `${port}:8080/udp`], program: echo });
    const ask = (address: string) =>
      `const s = require("dgram").createSocket("udp4"); s.on("message", (m) => { console.log(String(m)); process.exit() });` +
      `s.send("hello", ${port}, "${address}"); setTimeout(() => process.exit(1), 1000)`;
    for (const node of [1, 2])
      await soon(async () => expect(await inAgent(node, ['node', '-e', ask(addresses[0]!)])).toBe('hello!\n'));
  });

  it('go on with forwarding when the process of their agent ends and starts again', async () => {
    await place.json('restart', 'node-1/mesos-agent');
    expect(await fromNode(2, `http://${addresses[0]}:${ports[2]}/`)).toEqual(['bridge']);
  });

  it('end a task with all that belonged to it, and know how it ended', async () => {
    const port = ports[6]!;
    const program = `setTimeout(() => process.exit(9), 60_000); ${server(8080, 'ends')}`;
    const words = ['-p', `${port}:8080/tcp`];
    const exec = await run('ends', { net: other, words, program });
    await soon(async () => expect(await fromLaptop(port)).toBe('ends'));
    await byWrapper(1, 'stop', '-t', '0', nameOf('ends'));
    await soon(async () => expect(await exec.inspect()).toMatchObject({ Running: false, ExitCode: 137 }));
    expect(await fromNode(2, `http://${addresses[0]}:${port}/`)).toEqual(['ECONNREFUSED']);
    await byWrapper(1, 'rm', '-v', nameOf('ends'));
    // The port is free for the next.
    await run('next', { net: 'bridge', words, program: server(8080, 'next') });
    await soon(async () => expect(await fromLaptop(port)).toBe('next'));
  });

  it('leave no forwarder behind when a container is killed from outside, or their own is', async () => {
    await docker.getContainer(nameOf('next')).kill();
    await soon(async () => expect(await fromNode(2, `http://${addresses[0]}:${ports[6]}/`)).toEqual(['ECONNREFUSED']));
    await docker.getContainer(agent(1)).kill();
    await soon(async () => expect(await fromNode(2, `http://${addresses[0]}:${ports[2]}/`)).toEqual(['ECONNREFUSED']));
    // Their containers go on until somebody ends them.
    expect((await docker.getContainer(nameOf('bridge')).inspect()).State.Running).toBe(true);
  });

  it('leave nothing behind that down does not remove', async () => {
    await place.json('down');
    const filters = { label: [`devcluster.cluster=${place.cluster}`] };
    expect(await docker.listContainers({ all: true, filters })).toEqual([]);
    expect(await docker.listNetworks({ filters })).toEqual([]);
    expect((await docker.listVolumes({ filters })).Volumes ?? []).toEqual([]);
    expect(place.leftovers()).toEqual([]);
  });
});
