import { execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { agentDocker } from '../../../src/plan/real-agent.ts';
import { skipped } from '../../support/skipped.ts';

const shell = ['dash', 'bash', 'sh'].find((name) => {
  try {
    execFileSync(name, ['-c', ':']);
    return true;
  } catch {
    return false;
  }
});

/**
 * A docker command that writes down how it is called and answers as an engine of that version does. What 20.10 says of
 * an image is recorded; 28 and 29 are constructed from the fields that their API's changes name.
 */
const fake = (api: string) => `#!/bin/sh
for word in "$@"; do printf '%s\\n' "$word"; done >>"$FOLDER/calls"
printf 'api %s host %s\\n---\\n' "\${DOCKER_API_VERSION:-none}" "\${DOCKER_HOST:-none}" >>"$FOLDER/calls"
case $1 in
  version) echo ${api} ;;
  --version) echo 'Docker version 28.2.2, build e6534b4' ;;
  inspect) case "$*" in *--type=image*) if [ -f "$FOLDER/image" ]; then cat "$FOLDER/image"; else exit 1; fi ;; *) echo '[{"Name":"/mesos-1"}]' ;; esac ;;
  run) exit \${RUN_CODE:-0} ;;
  *) echo "did $*" ;;
esac
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'agent-docker-'));
  writeFileSync(
    join(folder, 'wrapper'),
    agentDocker({
      cluster: 'dev-me',
      node: 'node-2',
      network: 'devcluster-dev-me',
      holder: 'devcluster-dev-me-node-2',
      nameservers: ['10.1.0.12', '10.1.0.11'],
    }),
    { mode: 0o755 },
  );
  setEngine('1.41');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const setEngine = (api: string) => writeFileSync(join(folder, 'docker'), fake(api), { mode: 0o755 });

async function call(args: readonly string[], env: Record<string, string> = {}) {
  writeFileSync(join(folder, 'calls'), '');
  const result = await promisify(execFile)(shell!, [join(folder, 'wrapper'), ...args], {
    // As executors have it: next to nothing.
    env: {
      PATH: '/usr/bin:/bin',
      FOLDER: folder,
      TMPDIR: folder,
      DEVCLUSTER_DOCKER_CLI: join(folder, 'docker'),
      ...env,
    },
  }).catch((error: { code: number; stdout: string; stderr: string }) => error);
  const calls = readFileSync(join(folder, 'calls'), 'utf8')
    .split('---\n')
    .filter(Boolean)
    .map((text) => {
      const lines = text.trimEnd().split('\n');
      const [, api, , host] = lines.at(-1)!.split(' ');
      return { args: lines.slice(0, -1), api, host };
    });
  return {
    code: 'code' in result ? result.code : 0,
    stdout: result.stdout,
    stderr: result.stderr,
    /** All but what the wrapper asks for itself. */
    calls: calls.filter(({ args: [first] }) => first !== 'version'),
    asked: calls.filter(({ args: [first] }) => first === 'version').length,
  };
}

const socket = ['-H', 'unix:///var/run/docker.sock'];
const labels = ['devcluster.cluster=dev-me', 'devcluster.node=node-2', 'devcluster.kind=task'].flatMap((label) => [
  '--label',
  label,
]);
/** As the docker containerizer of Mesos 1.11 starts a task. */
const task = (network: string[], ports: string[] = []) => [
  ...socket,
  ...['run', '--cpu-shares', '102', '--memory', '33554432', '--env-file', '/tmp/a b'],
  ...['-v', '/work/sandbox:/mnt/mesos/sandbox', ...network, '--name', 'mesos-1', ...ports],
  ...['--entrypoint', '/bin/sh', 'nginx:1', '-c', 'echo --net host -p 1:2'],
];

describe.skipIf(skipped(shell !== undefined, "tests of the agent's docker command", 'no POSIX shell'))(
  'the docker command of real agents',
  () => {
    it('shows an agent only its own containers', async () => {
      const { calls } = await call([...socket, 'ps', '-a']);
      expect(calls).toEqual([
        {
          args: [
            'ps',
            ...['devcluster.cluster=dev-me', 'devcluster.node=node-2'].flatMap((label) => [
              '--filter',
              `label=${label}`,
            ]),
            '-a',
          ],
          api: '1.41',
          host: 'unix:///var/run/docker.sock',
        },
      ]);
    });

    it('puts a host task into the network of its node, with neither names nor ports of its own', async () => {
      const { calls } = await call(
        task(['--net', 'host', '--hostname', 'web', '--dns', '10.0.0.1', '--dns-search=x'], ['-p', '31000:80/tcp']),
      );
      expect(calls[0]?.args).toEqual([
        ...['run', '--cpu-shares', '102', '--memory', '33554432', '--env-file', '/tmp/a b'],
        ...['-v', '/work/sandbox:/mnt/mesos/sandbox', '--name', 'mesos-1', '--entrypoint', '/bin/sh'],
        ...['--net', 'container:devcluster-dev-me-node-2', ...labels, 'nginx:1', '-c', 'echo --net host -p 1:2'],
      ]);
    });

    it("puts a bridge task into the cluster's network with its names, the port forwarded instead of published", async () => {
      const { calls } = await call(task(['--net', 'bridge'], ['-p', '31000:80/tcp']));
      expect(calls[0]?.args).toEqual([
        ...['run', '--cpu-shares', '102', '--memory', '33554432', '--env-file', '/tmp/a b'],
        ...['-v', '/work/sandbox:/mnt/mesos/sandbox', '--name', 'mesos-1', '--entrypoint', '/bin/sh'],
        ...['--net', 'devcluster-dev-me', '--dns', '10.1.0.12', '--dns', '10.1.0.11', ...labels],
        ...['nginx:1', '-c', 'echo --net host -p 1:2'],
      ]);
    });

    it('leaves a network of the user and a resolver of the task alone', async () => {
      const { calls } = await call(task(['--net=mine', '--dns', '9.9.9.9']));
      const args = calls[0]?.args ?? [];
      expect(args.slice(args.indexOf('/bin/sh') + 1)).toEqual([
        ...['--net', 'mine', ...labels, 'nginx:1', '-c', 'echo --net host -p 1:2'],
      ]);
      expect(args.filter((arg) => arg === '--dns')).toHaveLength(1);
    });

    it('ends with the code of the task, whether ports are forwarded or not', async () => {
      expect((await call(task(['--net', 'host']), { RUN_CODE: '3' })).code).toBe(3);
      expect((await call(task(['--net', 'bridge'], ['-p', '0:80/tcp']), { RUN_CODE: '137' })).code).toBe(137);
    });

    it('passes on what it has no opinion of', async () => {
      const commands = [
        ['stop', '-t', '0', 'mesos-1'],
        ['kill', '--signal=15', 'mesos-1'],
        ['rm', '-f', '-v', 'mesos-1'],
        ['pull', 'nginx:1'],
        ['inspect', '--type=container', 'mesos-1'],
        ['exec', 'mesos-1', 'sh', '-c', 'true && false'],
      ];
      for (const command of commands) {
        const { calls, code } = await call([...socket, ...command]);
        expect({ args: calls.map(({ args }) => args), code }).toEqual({ args: [command], code: 0 });
      }
    });

    it('describes an image as agents that read ContainerConfig and those that read Config want it', async () => {
      writeFileSync(
        join(folder, 'image'),
        readFileSync(new URL('../../fixtures/docker/engine-20.10-image-formatted.json', import.meta.url)),
      );
      // The engine itself says nothing there: the image was loaded, not committed.
      const [plain] = JSON.parse(
        readFileSync(new URL('../../fixtures/docker/engine-20.10-image.json', import.meta.url), 'utf8'),
      );
      expect(plain.ContainerConfig.Entrypoint).toBeNull();
      for (const args of [
        ['inspect', 'web:1'],
        ['inspect', '--type=image', 'web:1'],
      ]) {
        const { stdout } = await call([...socket, ...args]);
        const [image] = JSON.parse(stdout);
        expect(image.ContainerConfig).toEqual(image.Config);
        expect(image.ContainerConfig).toMatchObject({
          Entrypoint: plain.Config.Entrypoint,
          Env: plain.Config.Env,
          Cmd: null,
        });
      }
    });

    it('asks for a container where there is no such image', async () => {
      const { stdout, calls } = await call([...socket, 'inspect', 'mesos-1']);
      expect(JSON.parse(stdout)).toEqual([{ Name: '/mesos-1' }]);
      expect(calls.at(-1)?.args).toEqual(['inspect', 'mesos-1']);
    });

    it.each([
      ['20.10', '1.41', '1.41'],
      ['28 (constructed)', '1.51', '1.44'],
      ['29 (constructed)', '1.52', '1.44'],
    ])('speaks a version of the API to engine %s that has what agents read', async (_, api, spoken) => {
      setEngine(api);
      const first = await call([...socket, 'stop', 'mesos-1']);
      expect(first.calls[0]?.api).toBe(spoken);
      const second = await call([...socket, 'stop', 'mesos-1']);
      expect({ api: second.calls[0]?.api, asked: second.asked }).toEqual({ api: spoken, asked: 0 });
    });

    it('says what is missing where the image has no docker command', async () => {
      const { code, stderr } = await call(['--version'], { DEVCLUSTER_DOCKER_CLI: join(folder, 'gone') });
      expect(code).toBe(127);
      expect(stderr).toContain('there is no docker command in this image');
    });
  },
);

describe.skipIf(skipped(shell !== undefined, 'tests of the supervisor of agents', 'no POSIX shell'))(
  'the supervisor of real agents',
  () => {
    const supervise = (...command: string[]) =>
      spawn(shell!, [new URL('../../../templates/docker/agent-supervise.sh', import.meta.url).pathname, ...command], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    const nextLine = (child: ReturnType<typeof supervise>) =>
      new Promise<string>((resolve) => child.stdout!.once('data', (chunk) => resolve(String(chunk).trim())));
    const ended = (child: ReturnType<typeof supervise>) =>
      new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));

    it('ends with the code of an agent that can not even start', async () => {
      expect(await ended(supervise(shell!, '-c', 'exit 4'))).toBe(4);
    });

    it('ends the agent on request, starts it again on request, and ends with it', async () => {
      const agent = 'echo $$; exec sleep 600';
      const child = supervise(shell!, '-c', agent);
      const first = await nextLine(child);
      child.kill('SIGUSR1');
      await expect.poll(() => isAlive(first)).toBe(false);
      const again = nextLine(child);
      child.kill('SIGUSR2');
      const second = await again;
      expect(second).not.toBe(first);
      const end = ended(child);
      child.kill('SIGTERM');
      expect(await end).toBe(143);
      expect(isAlive(second)).toBe(false);
    });
  },
);

function isAlive(pid: string): boolean {
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch {
    return false;
  }
}
