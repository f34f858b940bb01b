import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { httpCall } from '../../src/support/http-client.ts';
import { retry } from '../../src/support/retry.ts';
import { createWorkplace, type Workplace } from '../integration/devcluster.ts';
import { skipped } from '../support/skipped.ts';
import { containerOf, engineAnswers, testEngine } from './test-engine.ts';
import { httpServer, makeTinyImage, tinyImage } from './tiny-image.ts';

const none = skipped(await engineAnswers(), 'who reaches which task', 'no Docker engine answers');

const askNames = readFileSync(new URL('ask-names.cjs', import.meta.url), 'utf8');

interface App {
  id: string;
  tasks: { id: string; host: string; ports: number[] }[];
}

interface Answer {
  address?: string;
  port?: number;
  answer: string;
}

/**
 * The table of docs/networking.md: each row is a kind of task, each column a place to ask from. Every answer is one of
 * the task's own protocol, since Docker's proxy takes connections before anybody listens.
 */
describe.skipIf(none)('in a cluster in Docker', () => {
  let place: Workplace;
  let image: string;
  const apps = new Map<string, App>();
  /** What a container of its own, and a command on another node, were answered. */
  let answers: Record<string, Answer>[];
  let ownPorts: Record<string, Answer>;
  const rows = ['command', 'host', 'bridge', 'user'];
  /** By Mesos-DNS: the address of the task's agent, and the task's own. */
  const agentService = (row: string) => `_${row}-reach._tcp.marathon.slave.mesos`;
  const ownService = (row: string) => `_${row}-reach._tcp.marathon.mesos`;

  const onNode = (name: string) => [['node', 'LIKE', name]];
  const common = (id: string, node: string) => ({ id, cpus: 0.1, mem: 64, constraints: onNode(node) });
  const health = { protocol: 'MESOS_HTTP', path: '/', portIndex: 0, delaySeconds: 0, intervalSeconds: 1 };
  const docker = (name: string) => ({ type: 'DOCKER', docker: { image: name } });
  const mapped = { portMappings: [{ containerPort: 8080, hostPort: 0, name: 'http' }] };
  const definitions = () => ({
    id: '/reach',
    apps: [
      {
        ...common('command', 'node-1'),
        cmd: `exec node -e 'require("http").createServer((q, s) => s.end("command")).listen(process.env.PORT0)'`,
        networks: [{ mode: 'host' }],
        portDefinitions: [{ port: 0, name: 'http' }],
        healthChecks: [health],
      },
      {
        ...common('host', 'node-1'),
        cmd: httpServer('$ENV{PORT0}', 'host'),
        container: docker(tinyImage),
        networks: [{ mode: 'host' }],
        portDefinitions: [{ port: 0, name: 'http' }],
        healthChecks: [health],
      },
      {
        ...common('bridge', 'node-1'),
        cmd: httpServer(8080, 'bridge'),
        container: { ...docker(tinyImage), ...mapped },
        networks: [{ mode: 'container/bridge' }],
        healthChecks: [health],
      },
      {
        ...common('user', 'node-1'),
        cmd: httpServer(8080, 'user'),
        container: { ...docker(tinyImage), ...mapped },
        // Without a name: the cluster's own.
        networks: [{ mode: 'container' }],
        healthChecks: [health],
      },
      {
        ...common('client', 'node-2'),
        cmd: 'exec sleep 1000',
        container: docker(image),
        networks: [{ mode: 'container/bridge' }],
      },
    ],
  });

  beforeAll(async () => {
    place = await createWorkplace();
    await makeTinyImage(testEngine);
    await place.json('up', '--runtime', 'docker', '--engine', 'embedded', '--nodes', '2', '--no-samples');
    const node = await testEngine.call<{ Config: { Image: string } }>('GET', `/containers/${nodeContainer(1)}/json`);
    image = node.json.Config.Image;
    const file = join(place.folder, 'reach.json');
    await writeFile(file, JSON.stringify(definitions()));
    await place.json('deploy', file);
    for (const app of await place.json<App[]>('apps')) apps.set(app.id.replace('/reach/', ''), app);
    const client = (await containerOf(taskOf('client').id)).id;
    const services = rows.flatMap((row) => [agentService(row), ownService(row)]);
    const hosts = rows.map((row) => `${taskOf(row).host}:${taskOf(row).port}`);
    const found = async (from: string) => {
      const all = await askFrom(from, services, hosts);
      // Mesos-DNS looks at the master every second.
      for (const service of services) if (!all[service]?.address) throw new Error(`${service} is not known yet`);
      return all;
    };
    const places = [client, nodeContainer(2)];
    answers = await Promise.all(places.map((from) => retry(() => found(from), { delayMs: 200, timeoutMs: 60_000 })));
    // What is at the tasks' own addresses.
    const own = rows.flatMap((row) => `${answers[0]?.[ownService(row)]?.address}:8080`);
    ownPorts = await askFrom(client, [], own);
  });

  afterAll(async () => {
    await place?.close();
    expect(await testEngine.withLabel(`devcluster.cluster=${place.cluster}`)).toEqual([]);
  });

  const nodeContainer = (number: number) => `devcluster-${place.cluster}-node-${number}`;
  const taskOf = (name: string) => {
    const [task] = apps.get(name)?.tasks ?? [];
    if (!task) throw new Error(`${name} has no task`);
    return { ...task, port: task.ports[0] ?? 0 };
  };
  const askFrom = async (container: string, services: string[], hosts: string[]) => {
    const question = `QUESTION=${JSON.stringify({ services, hosts })}`;
    return JSON.parse(await testEngine.exec(container, ['env', question, 'node', '-e', askNames])) as Record<
      string,
      Answer
    >;
  };

  describe.each(rows)("a task of the kind '%s'", (row) => {
    test("is reached from another node, and another task, by its agent's host name and its host port", () => {
      const { host, port } = taskOf(row);
      for (const answer of answers) expect(answer[`${host}:${port}`]).toEqual({ answer: row });
    });

    test('is reached from another task by the name and port that Mesos-DNS has for its agent', () => {
      const { host: address, port } = taskOf(row);
      for (const answer of answers) expect(answer[agentService(row)]).toEqual({ address, port, answer: row });
    });

    test('is reached from the laptop by 127.0.0.1 and its host port', async () => {
      const reply = await httpCall(`http://127.0.0.1:${taskOf(row).port}/`, { timeoutMs: 10_000 });
      expect(reply.body.toString()).toBe(row);
    });
  });

  test("the task's own name leads to its own address, where the host port is right on a host network only", () => {
    for (const row of ['command', 'host']) expect(answers[0]?.[ownService(row)]).toMatchObject({ answer: row });
    for (const row of ['bridge', 'user']) {
      const { address } = answers[0]?.[ownService(row)] ?? {};
      expect(answers[0]?.[ownService(row)]).toEqual({ address, port: taskOf(row).port, answer: 'ECONNREFUSED' });
      expect(ownPorts[`${address}:8080`]).toEqual({ answer: row });
    }
  });

  test('the leader is found by its name from every task', () => {
    for (const answer of answers) expect(answer['leader.mesos']?.address).toMatch(/^\d+\.\d+\.\d+\.11$/);
  });

  test('its output is shown', async () => {
    const { stdout } = await place.run('logs', 'app:/reach/bridge');
    expect(stdout).toContain('listening');
  });
});
