import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StatusDocument } from '../../src/cluster/status.ts';
import { createWorkplace, type Result, type Workplace } from './devcluster.ts';

let place: Workplace;
beforeAll(async () => {
  place = await createWorkplace();
});
afterAll(() => place.close());

interface Failure {
  error: { code: string; message: string; hint: string; details: unknown };
}

/** What `--json` prints for an error: one document, on stdout. */
function failure({ stdout }: Result): Failure['error'] {
  return (JSON.parse(stdout) as Failure).error;
}

describe('before there is a cluster', () => {
  it('the version is told, in words and as a document', async () => {
    const { stdout } = await place.run('version');
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await place.run('--version')).stdout).toBe(stdout);
    expect(await place.json('version')).toMatchObject({ version: stdout.trim() });
    expect(await place.json('-v', 'version')).toMatchObject({ version: stdout.trim() });
  });

  it('help is a result', async () => {
    const { code, stdout, stderr } = await place.run('help');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('Usage: devcluster');
    expect((await place.run('up', '--help')).stdout).toContain('--keep-failed');
  });

  it('wrong usage has exit code 2 and says what was meant', async () => {
    const result = await place.run('upp', '--json');
    expect(result.code).toBe(2);
    expect(failure(result)).toMatchObject({ code: 'USAGE', hint: 'Did you mean up?' });
    expect((await place.run('up', '--nodse', '3')).stderr).toContain('Did you mean --nodes?');
    expect((await place.run('-c', 'Bad_Name', 'status')).code).toBe(2);
  });

  it('status prints its document and ends with 5', async () => {
    const { code, stdout } = await place.run('status', '--json');
    expect(code).toBe(5);
    expect(JSON.parse(stdout)).toEqual({ name: place.cluster, state: 'absent', nodes: [] });
  });

  it.each([['apps'], ['stop'], ['logs'], ['env'], ['dns', 'leader.mesos'], ['exec', 'node-1', '--', 'true']])(
    '%s says that there is none',
    async (...args) => {
      const result = await place.run('--json', ...args);
      expect([result.code, failure(result).code]).toEqual([5, 'NO_SUCH_CLUSTER']);
      expect(failure(result).hint).toContain('devcluster up');
    },
  );

  it('list is empty, and down has nothing to do', async () => {
    expect(await place.json('list')).toEqual([]);
    expect(await place.json('down')).toEqual({ name: place.cluster, removed: false });
    expect(await place.json('down', '--all')).toEqual({ removed: [] });
  });

  it('what is not possible here has exit code 3 and names the way out', async () => {
    for (const args of [
      ['--runtime', 'docker'],
      ['--engine', 'mesos'],
    ]) {
      // Whether this machine has an engine or not, nobody answers there.
      const env = { DOCKER_HOST: `unix://${join(place.folder, 'no-engine.sock')}` };
      const result = await place.start(['up', ...args, '--json'], env).ended;
      expect(result.code).toBe(3);
      expect(failure(result).hint).toMatch(/--runtime process|--engine embedded/);
    }
  });

  it('a wrong configuration gives every mistake with its line, and exit code 2', async () => {
    const file = join(place.folder, 'devcluster.yml');
    await writeFile(file, 'version: 1\nnodez: 3\nruntime: dokcer\n');
    const result = await place.run('up');
    await rm(file);
    expect(result.code).toBe(2);
    expect(result.stderr).toContain("devcluster.yml:2: nodez: unknown key 'nodez' (did you mean 'nodes'?)");
    expect(result.stderr).toContain('devcluster.yml:3: runtime');
  });

  it('a state folder that can not be written has exit code 3', async () => {
    await writeFile(join(place.folder, 'no-folder'), '');
    const env = { XDG_STATE_HOME: join(place.folder, 'no-folder') };
    const result = await place.start(['up', '--json'], env).ended;
    expect([result.code, failure(result).code]).toEqual([3, 'STATE_NOT_WRITABLE']);
    expect(failure(result).hint).toContain('XDG_STATE_HOME');
  });

  it('a fixed port that is taken has exit code 6, names who has it, and nothing is left', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
    const { port } = server.address() as { port: number };
    const file = join(place.folder, 'taken.yml');
    await writeFile(file, `nodes: 1\nports: { marathon: ${port} }\n`);
    const result = await place.run('up', '--config', 'taken.yml', '--json');
    server.close();
    expect([result.code, failure(result).code]).toEqual([6, 'PORT_IN_USE']);
    expect(failure(result).message).toContain(`Port ${port} of marathon`);
    expect(failure(result).message).toContain(`(process ${process.pid})`);
    expect(place.leftovers()).toEqual([]);
    expect(await place.json('list')).toEqual([]);
  });

  it('an app of the configuration that can not be read stops up before anything is started', async () => {
    await writeFile(join(place.folder, 'broken.json'), '{"id":');
    await writeFile(join(place.folder, 'apps.yml'), 'nodes: 1\napps: [broken.json]\n');
    const result = await place.run('up', '--config', 'apps.yml', '--json');
    expect(result.code).toBe(2);
    expect(failure(result).message).toContain('broken.json is not JSON');
    expect(await place.json('list')).toEqual([]);
  });

  it('doctor checks the machine', async () => {
    const { healthy, checks } = await place.json<{ healthy: boolean; checks: { name: string; state: string }[] }>(
      'doctor',
    );
    expect(healthy).toBe(true);
    expect(checks.map(({ name }) => name)).toEqual(expect.arrayContaining(['node', 'state', 'disk', 'docker']));
  });

  it('generate config writes a configuration that is accepted, once', async () => {
    expect((await place.run('generate', 'config', '-o', 'made.yml')).code).toBe(0);
    const again = await place.json<{ nodes: unknown[] }>('generate', 'config', '--config', 'made.yml');
    expect(again.nodes).toHaveLength(3);
    expect((await place.run('generate', 'config', '-o', 'made.yml', '--json')).code).not.toBe(0);
  });

  it.each(['bash', 'zsh', 'fish'])('completion for %s names the commands', async (shell) => {
    const { stdout } = await place.run('completion', shell);
    for (const command of ['up', 'restart-app', 'doctor']) expect(stdout).toContain(command);
  });
});

describe('up', () => {
  it('prints results on stdout and progress on stderr', async () => {
    const { code, stdout, stderr } = await place.run('up', '--no-samples');
    expect(code, stderr).toBe(0);
    expect(stdout).toContain(`Cluster '${place.cluster}' is ready`);
    expect(stdout).toContain('Try next:');
    expect(stdout).toMatch(/Marathon +http:\/\/127\.\d+\.\d+\.\d+:\d+ +led by node-\d/);
    expect(stderr).toMatch(/^auto: engine 'embedded'/m);
    expect(stderr).toMatch(/^✔ ZooKeeper led by node-\d$/m);
    expect(stdout + stderr).not.toContain('\u001b');
  });

  it('again changes nothing, and prints the status with --json', async () => {
    const status = await place.json<StatusDocument>('up', '--no-samples');
    expect(status).toMatchObject({
      name: place.cluster,
      state: 'running',
      runtime: 'process',
      engine: 'embedded',
      mesos: { agents: 3, frameworks: 1, tasksRunning: 0 },
      marathon: { apps: 0, deployments: 0 },
    });
    expect(status.nodes.map(({ name, state }) => [name, state])).toEqual([
      ['node-1', 'running'],
      ['node-2', 'running'],
      ['node-3', 'running'],
    ]);
    for (const component of ['zookeeper', 'mesos-master', 'marathon']) {
      const services = status.nodes.flatMap((node) => node.services.filter((each) => each.component === component));
      expect(services.map(({ ready }) => ready)).toEqual([true, true, true]);
      expect(services.filter(({ leader }) => leader)).toHaveLength(1);
    }
    expect(await place.json<StatusDocument>('status')).toEqual(status);
  });

  it('with --quiet says nothing but the result', async () => {
    const { stderr, stdout } = await place.run('up', '--no-samples', '-q');
    expect(stderr).toBe('');
    expect(stdout).toContain('nothing had to be changed');
  });

  it('with other control nodes is refused, and with more agents adds them', async () => {
    const refused = await place.run('up', '--nodes', '1', '--json');
    expect([refused.code, failure(refused).code]).toEqual([6, 'CLUSTER_DIFFERS']);
    const grown = await place.json<StatusDocument>('up', '--nodes', '4', '--no-samples');
    expect(grown.nodes).toHaveLength(4);
    expect(grown.nodes[3]?.services.map(({ component }) => component)).toEqual(['mesos-agent', 'mesos-dns']);
    expect(grown.mesos?.agents).toBe(4);
    // The flag still holds for a plain `up`; said again, the agent leaves.
    expect((await place.json<StatusDocument>('up', '--no-samples')).nodes).toHaveLength(4);
    expect((await place.json<StatusDocument>('up', '--nodes', '3', '--no-samples')).nodes).toHaveLength(3);
  });
});

describe('a running cluster', () => {
  it('is listed', async () => {
    expect(await place.json('list')).toMatchObject([{ name: place.cluster, state: 'running', nodes: 3 }]);
  });

  it('gives its addresses to a shell', async () => {
    const variables = await place.json<Record<string, string>>('env');
    expect(Object.keys(variables)).toEqual([
      'DEVCLUSTER_NAME',
      'MARATHON_URL',
      'MESOS_MASTER_URL',
      'MESOS_MASTER',
      'ZK_HOSTS',
      'MESOS_DNS_URL',
      'MESOS_DNS_SERVER',
    ]);
    expect(variables.MESOS_MASTER).toBe(`zk://${variables.ZK_HOSTS}/mesos`);
    expect((await fetch(`${variables.MARATHON_URL}/v2/info`)).status).toBe(200);
    expect((await fetch(`${variables.MESOS_MASTER_URL}/state-summary`, { redirect: 'manual' })).status).toBe(200);
    expect((await place.run('env', '--shell', 'sh')).stdout).toContain(
      `export MARATHON_URL='${variables.MARATHON_URL}'`,
    );
    expect((await place.run('env', '--shell', 'fish')).stdout).toContain('set -gx ZK_HOSTS');
  });

  it('answers questions of DNS', async () => {
    const { rcode, answers } = await place.json<{ rcode: string; answers: { data: string }[] }>('dns', 'master.mesos');
    expect(rcode).toBe('NOERROR');
    expect(answers).toHaveLength(3);
    expect((await place.run('dns', 'nobody.mesos')).code).toBe(5);
    expect((await place.run('dns', 'leader.mesos', 'NONSENSE')).code).toBe(2);
  });

  it('shows the logs of a service, a node and a component', async () => {
    const lines = async (...args: string[]) =>
      (await place.run('logs', ...args, '--json')).stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { source: string; text: string });
    const ofService = await lines('node-1/marathon', '--tail', '1');
    expect(ofService).toHaveLength(1);
    expect(new Set(ofService.map(({ source }) => source))).toEqual(new Set(['node-1/marathon']));
    expect(new Set((await lines('zookeeper')).map(({ source }) => source))).toEqual(
      new Set(['node-1/zookeeper', 'node-2/zookeeper', 'node-3/zookeeper']),
    );
    expect((await place.run('logs', 'node-9')).code).toBe(5);
    expect((await place.run('logs', '--since', 'whenever')).code).toBe(2);
  });

  it('goes on with logs until Ctrl-C', async () => {
    const { child, ended } = place.start(['logs', '-f', 'node-1/marathon']);
    await new Promise<void>((resolve) => child.stdout?.once('data', () => resolve()));
    child.kill('SIGINT');
    expect((await ended).code).toBe(130);
  });

  it('does not mind a reader that goes away', async () => {
    const { child, ended } = place.start(['logs', '-f']);
    child.stdout?.once('data', () => child.stdout?.destroy());
    // Something has to be written once more before the command can notice.
    const stopped = place.run('restart', 'node-3/mesos-dns');
    const result = await ended;
    expect([result.code, result.stderr]).toEqual([0, '']);
    expect((await stopped).code).toBe(0);
  });

  it("runs commands with a node's environment, and gives their exit codes on", async () => {
    const { stdout } = await place.run('exec', 'node-2', '--', 'sh', '-c', 'echo $DEVCLUSTER_NODE $MARATHON_URL');
    expect(stdout).toMatch(/^node-2 http:\/\//);
    expect((await place.run('exec', 'node-2', '--', 'sh', '-c', 'exit 42')).code).toBe(42);
    expect((await place.run('exec', 'node-2', '--', 'no-such-program-here')).code).toBe(3);
  });

  it('stops and starts single services and nodes', async () => {
    expect((await place.run('stop', 'node-2/marathon')).code).toBe(0);
    const stopped = await place.json<StatusDocument>('status');
    expect(stopped.state).toBe('degraded');
    const marathon = stopped.nodes[1]?.services.find(({ component }) => component === 'marathon');
    expect(marathon).toMatchObject({ state: 'stopped', ready: false });
    expect((await place.json<StatusDocument>('start', 'node-2/marathon')).state).toBe('running');
    expect((await place.json<StatusDocument>('stop', 'node-3')).nodes[2]?.state).toBe('stopped');
    expect((await place.json<StatusDocument>('start', 'node-3')).nodes[2]?.state).toBe('running');
    const unknown = await place.run('stop', 'node-2/maraton', '--json');
    expect([unknown.code, failure(unknown).hint]).toEqual([5, 'Did you mean node-2/marathon?']);
  });

  it('is repaired by up after its record went on without a node', async () => {
    const { nodes } = await place.json<StatusDocument>('status');
    process.kill(nodes[0]!.services[0]!.pid!, 'SIGKILL');
    const repaired = await place.json<StatusDocument>('up', '--no-samples');
    expect(repaired.state).toBe('running');
  });

  it('is found by the configuration above the current folder', async () => {
    await writeFile(join(place.folder, 'devcluster.yml'), `name: ${place.cluster}\n`);
    const below = join(place.folder, 'a', 'b');
    await mkdir(below, { recursive: true });
    const { ended } = place.start(['exec', 'node-1', '--', 'true'], { DEVCLUSTER_NAME: '' });
    expect((await ended).code).toBe(0);
  });
});

describe('two clusters', () => {
  it('run beside each other, and down --all removes both', async () => {
    const second = await place.json<StatusDocument>('up', '-c', 'second', '--nodes', '1', '--no-samples');
    expect(second.state).toBe('running');
    expect((await place.json<StatusDocument>('status')).state).toBe('running');
    expect((await place.json<{ name: string }[]>('list')).map(({ name }) => name)).toEqual(['second', place.cluster]);
    const { removed } = await place.json<{ removed: string[] }>('down', '--all');
    expect(removed.sort()).toEqual(['second', place.cluster]);
    expect(place.leftovers()).toEqual([]);
  });

  it('up deploys the apps of the configuration', async () => {
    await writeFile(join(place.folder, 'sleeper.json'), '{"id":"/sleeper","cmd":"sleep 1000","cpus":0.1,"mem":16}');
    await writeFile(join(place.folder, 'apps.yml'), 'nodes: 1\nsamples: false\napps: [sleeper.json]\n');
    const status = await place.json<StatusDocument>('up', '--config', 'apps.yml');
    expect(status).toMatchObject({ state: 'running', mesos: { tasksRunning: 1 }, marathon: { apps: 1 } });
    expect((await place.run('down')).code).toBe(0);
    expect(place.leftovers()).toEqual([]);
  });

  it('down --keep-data keeps the apps for the next up', async () => {
    const first = await place.json<StatusDocument>('up', '--nodes', '1', '--no-samples');
    const app = { id: '/kept', cmd: 'sleep 1000', instances: 0 };
    const headers = { 'content-type': 'application/json' };
    const url = `${first.endpoints!.marathon}/v2/apps`;
    expect((await fetch(url, { method: 'POST', headers, body: JSON.stringify(app) })).status).toBe(201);
    expect((await place.run('down', '--keep-data')).code).toBe(0);
    expect((await place.run('status')).code).toBe(5);
    const again = await place.json<StatusDocument>('up', '--nodes', '1', '--no-samples');
    expect(again.marathon?.apps).toBe(1);
    expect(again.endpoints).toEqual(first.endpoints);
    expect(await place.json('down')).toEqual({ name: place.cluster, removed: true });
  });
});
