import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { agentDocker, agentSupervisor } from '../../../src/plan/real-agent.ts';
import { runOptions } from '../../support/docker-help.ts';
import { findProgram, shells } from '../../support/shells.ts';
import { skipped } from '../../support/skipped.ts';

const recorded = (name: string) => readFileSync(new URL(`../../fixtures/docker/${name}`, import.meta.url), 'utf8');

/** A docker command that writes down how it is called, and answers as an engine of that version does. */
const fake = (api: string) => `#!/bin/sh
for word in "$@"; do printf '%s\\n' "$word"; done >>"$FOLDER/calls"
printf 'api %s host %s\\n---\\n' "\${DOCKER_API_VERSION:-none}" "\${DOCKER_HOST:-none}" >>"$FOLDER/calls"
case $1 in
  version) echo ${api} ;;
  --version) echo 'Docker version 28.2.2, build e6534b4' ;;
  inspect) case "$*" in *--type=image*) if [ -f "$FOLDER/image" ]; then cat "$FOLDER/image"; else exit 1; fi ;; *) echo '[{"Name":"/mesos-1"}]' ;; esac ;;
  create) echo 4f5e6d ; exit \${CREATE_CODE:-0} ;;
  network) exit \${CONNECT_CODE:-0} ;;
  run | start) exit \${RUN_CODE:-0} ;;
  *) echo "did $*" ;;
esac
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'agent-docker-'));
  writeFileSync(join(folder, 'wrapper'), wrapper(), { mode: 0o755 });
  setEngine('1.41');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const wrapper = () =>
  agentDocker({
    cluster: 'dev-me',
    node: 'node-2',
    network: 'devcluster-dev-me',
    holder: 'devcluster-dev-me-node-2',
    nameservers: ['10.1.0.12', '10.1.0.11'],
  });

const setEngine = (api: string) => writeFileSync(join(folder, 'docker'), fake(api), { mode: 0o755 });

const labels = ['devcluster.cluster=dev-me', 'devcluster.node=node-2', 'devcluster.kind=task'].flatMap((label) => [
  '--label',
  label,
]);
const socket = ['-H', 'unix:///var/run/docker.sock'];
/** What of the wrapper goes before the image of a task in the cluster's network. */
const ours = ['--net', 'devcluster-dev-me', '--dns', '10.1.0.12', '--dns', '10.1.0.11', ...labels];
const onHost = ['--net', 'container:devcluster-dev-me-node-2', ...labels];

/** As the docker containerizer of Mesos 1.7 to 1.11 starts a task, but for what its tests add. */
const task = (
  network: string[],
  { ports = [] as string[], parameters = [] as string[], limits = ['--memory', '33554432'] } = {},
) => [
  ...socket,
  ...['run', '--cpu-shares', '102', ...limits, '-e', 'A=a b', '-e', 'MESOS_SANDBOX=/mnt/mesos/sandbox'],
  ...['-v', '/work/sandbox:/mnt/mesos/sandbox', ...network, ...ports, '--device=/dev/null:/dev/null:rwm'],
  ...['--entrypoint', '/bin/sh', '--name', 'mesos-1', ...parameters, 'nginx:1', '-c', 'echo --net host -p 1:2'],
];
const before = [
  ...['run', '--cpu-shares', '102', '--memory', '33554432', '-e', 'A=a b', '-e', 'MESOS_SANDBOX=/mnt/mesos/sandbox'],
  ...['-v', '/work/sandbox:/mnt/mesos/sandbox', '--device=/dev/null:/dev/null:rwm'],
  ...['--entrypoint', '/bin/sh', '--name', 'mesos-1'],
];
const after = ['nginx:1', '-c', 'echo --net host -p 1:2'];

describe.skipIf(skipped(shells.length > 0, "tests of the agent's docker command", 'no POSIX shell')).each(shells)(
  'the docker command of real agents, run by $name',
  ({ command: [program, ...first] }) => {
    async function call(args: readonly string[], env: Record<string, string> = {}) {
      writeFileSync(join(folder, 'calls'), '');
      const result = await promisify(execFile)(program, [...first, join(folder, 'wrapper'), ...args], {
        // As executors have it: next to nothing.
        env: {
          PATH: '/usr/bin:/bin',
          FOLDER: folder,
          DEVCLUSTER_DOCKER_CLI: join(folder, 'docker'),
          DEVCLUSTER_DOCKER_STATE: join(folder, 'state'),
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
    const commands = async (args: readonly string[], env?: Record<string, string>) =>
      (await call(args, env)).calls.map(({ args }) => args);

    it('shows an agent only its own containers', async () => {
      const { calls } = await call([...socket, 'ps', '-a']);
      const own = ['devcluster.cluster=dev-me', 'devcluster.node=node-2', 'devcluster.kind=task'];
      expect(calls).toEqual([
        {
          args: ['ps', ...own.flatMap((label) => ['--filter', `label=${label}`]), '-a'],
          api: '1.41',
          host: 'unix:///var/run/docker.sock',
        },
      ]);
    });

    it('puts a host task into the network of its node, with neither names nor ports of its own', async () => {
      const ports = ['-p', '31000:80/tcp'];
      const network = [
        '--net',
        'host',
        '--dns',
        '10.0.0.1',
        '--dns-search',
        'x',
        '--dns-opt',
        'y',
        '--hostname',
        'web',
      ];
      expect(await commands(task(network, { ports }))).toEqual([[...before, ...onHost, ...after]]);
    });

    it('says which options a host task goes without', async () => {
      const parameters = ['--add-host=db:10.0.0.9', '--network-alias=web', '--dns=10.0.0.1', '--init=true'];
      const { calls, stderr } = await call(task(['--net', 'host'], { parameters }));
      expect(calls[0]?.args).toEqual([...before, '--init=true', ...onHost, ...after]);
      expect(stderr).toContain('--add-host is left out');
      expect(stderr).toContain('--network-alias is left out');
    });

    it("puts a bridge task into the cluster's network with its names, the port forwarded instead of published", async () => {
      const ports = ['-p', '0:80/tcp'];
      expect(await commands(task(['--net', 'bridge'], { ports }))).toEqual([[...before, ...ours, ...after]]);
    });

    it("leaves the cluster's network and a resolver of the task alone", async () => {
      const [args] = await commands(task(['--net', 'devcluster-dev-me', '--dns', '9.9.9.9']));
      expect(args).toEqual([
        ...before.slice(0, before.indexOf('--device=/dev/null:/dev/null:rwm')),
        ...['--dns', '9.9.9.9', ...before.slice(before.indexOf('--device=/dev/null:/dev/null:rwm'))],
        ...['--net', 'devcluster-dev-me', ...labels, ...after],
      ]);
    });

    it("puts a task of another network into the cluster's too before it starts", async () => {
      const parameters = ['--sig-proxy=false', '--detach-keys=ctrl-a'];
      const [, ...rest] = before;
      expect(await commands(task(['--net', 'mine'], { parameters }))).toEqual([
        ['create', ...rest, '--net', 'mine', ...ours.slice(2), ...after],
        ['network', 'connect', 'devcluster-dev-me', '4f5e6d'],
        ['start', '--attach', '4f5e6d'],
      ]);
    });

    it('leaves no container behind that can not be put into its networks', async () => {
      const { calls, code } = await call(task(['--net', 'mine']), { CONNECT_CODE: '1' });
      expect(calls.map(({ args }) => args).at(-1)).toEqual(['rm', '-f', '-v', '4f5e6d']);
      expect(code).toBe(125);
      expect((await call(task(['--net', 'mine']), { CREATE_CODE: '125' })).code).toBe(125);
    });

    it("leaves a task without a network, or with another container's, what it has", async () => {
      expect(await commands(task(['--net', 'none']))).toEqual([[...before, '--net', 'none', ...labels, ...after]]);
      expect(await commands(task(['--net', 'bridge'], { parameters: ['--net=container:other'] }))).toEqual([
        [...before, '--net', 'container:other', ...labels, ...after],
      ]);
    });

    it('takes the limits that Mesos has had since 1.9 for what they are', async () => {
      const limits = ['--cpu-quota', '10000', '--memory-reservation', '33554432', '--oom-score-adj', '999'];
      const [args = []] = await commands(task(['--net', 'bridge'], { limits }));
      expect(args.slice(0, 9)).toEqual(['run', '--cpu-shares', '102', ...limits]);
      expect(args.slice(-after.length - ours.length)).toEqual([...ours, ...after]);
    });

    it("goes by the task's own parameters, whatever they are", async () => {
      const parameters = ['--label=devcluster.node=node-1', '--an-option-of-tomorrow=1', '--tmpfs=/run', '--net=host'];
      expect(await commands(task(['--net', 'bridge'], { parameters }))).toEqual([
        [...before, ...parameters.slice(0, 3), ...onHost, ...after],
      ]);
    });

    it('publishes nothing, and says what it does not forward', async () => {
      const parameters = ['--publish=0:81', '--publish-all=true', '--publish=70-80:70-80', '--publish=90', '-P'];
      const { calls, stderr } = await call(task(['--net', 'bridge'], { ports: ['-p', '0:80/sctp'], parameters }));
      expect(calls[0]?.args).toEqual([...before, ...ours, ...after]);
      for (const mapping of ['70-80:70-80', '90', '0:80/sctp']) expect(stderr).toContain(`${mapping} is not forwarded`);
      expect(stderr).toContain('--publish-all is left out');
    });

    it.each(['run-help-20.10.txt', 'run-help-26.1.txt', 'run-help-28.5.txt', 'this machine'])(
      'takes no value for the image: options of %s',
      async (source) => {
        const help = source === 'this machine' ? helpOfThisMachine() : [{ text: recorded(source), docker: source }];
        for (const { text, docker } of help) {
          const options = runOptions(text);
          expect(options.length, docker).toBeGreaterThan(80);
          // A switch is followed by an option, so that it would be seen if that was taken for its value.
          const words = options.flatMap(({ name, letter, value }) => [
            ...[`--${name}`, ...(value === undefined ? [] : ['value']), '--label', 'next'],
            ...(letter === undefined
              ? []
              : [`-${letter}`, ...(value === undefined ? [] : ['value']), '--label', 'next']),
          ]);
          const { calls } = await call([...socket, 'run', ...words, '--net', 'bridge', 'image:1', 'value']);
          expect(calls[0]?.args.slice(-2 - labels.length), docker).toEqual([...labels, 'image:1', 'value']);
        }
      },
    );

    it('understands letters that stand together, and values that follow at once', async () => {
      const words = ['-itv', '/a:/b', '-dp0:80', '-hweb', '-e=A=b', '-it', '-t=false', '-u', 'me'];
      const [args] = await commands([...socket, 'run', ...words, '--', 'image:1', '-p', '1:1']);
      expect(args).toEqual(['run', '-itv', '/a:/b', ...words.slice(3), ...ours, 'image:1', '-p', '1:1']);
    });

    it('ends with the code of the task, whether ports are forwarded or not', async () => {
      expect((await call(task(['--net', 'host']), { RUN_CODE: '3' })).code).toBe(3);
      expect((await call(task(['--net', 'bridge'], { ports: ['-p', '0:80/tcp'] }), { RUN_CODE: '137' })).code).toBe(
        137,
      );
      expect((await call(task(['--net', 'mine']), { RUN_CODE: '4' })).code).toBe(4);
      expect(readdirSync(folder).filter((name) => name.includes('pipe'))).toEqual([]);
    });

    it('passes on what it has no opinion of', async () => {
      const others = [
        ['stop', '-t', '0', 'mesos-1'],
        ['kill', '--signal=15', 'mesos-1'],
        ['rm', '-f', '-v', 'mesos-1'],
        ['pull', 'nginx:1'],
        ['inspect', '--type=container', 'mesos-1'],
        ['exec', 'mesos-1', 'sh', '-c', 'true && false'],
      ];
      for (const command of others) {
        const { calls, code } = await call([...socket, ...command]);
        expect({ args: calls.map(({ args }) => args), code }).toEqual({ args: [command], code: 0 });
      }
    });

    it.each(['20.10', '26.1', '28.5'])(
      'describes an image of engine %s as agents that read ContainerConfig and those that read Config want it',
      async (version) => {
        writeFileSync(join(folder, 'image'), recorded(`engine-${version}-image-formatted.json`));
        const [plain] = JSON.parse(recorded(`engine-${version}-image.json`));
        // The engine itself says nothing there: the image was loaded, not committed, or the field is gone.
        expect(plain.ContainerConfig?.Entrypoint ?? null).toBeNull();
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
      },
    );

    it('asks for a container where there is no such image', async () => {
      const { stdout, calls } = await call([...socket, 'inspect', 'mesos-1']);
      expect(JSON.parse(stdout)).toEqual([{ Name: '/mesos-1' }]);
      expect(calls.at(-1)?.args).toEqual(['inspect', 'mesos-1']);
    });

    it.each([
      ['20.10', '1.41', '1.41'],
      ['26.1', '1.45', '1.44'],
      ['28.5', '1.51', '1.44'],
      ['29 (by its documentation)', '1.52', '1.44'],
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

/** What the docker commands of this machine say of themselves. */
function helpOfThisMachine(): { text: string; docker: string }[] {
  return ['/usr/local/bin/docker', '/usr/bin/docker'].flatMap((docker) => {
    try {
      return [{ text: execFileSync(docker, ['run', '--help'], { encoding: 'utf8' }), docker }];
    } catch {
      return [];
    }
  });
}

const shellcheck = findProgram('shellcheck');

describe.skipIf(skipped(shellcheck !== undefined, 'a check of the scripts in agents', 'no shellcheck'))(
  'the scripts',
  () => {
    it.each([
      ['docker command', wrapper],
      ['supervisor', agentSupervisor],
    ])('have nothing that shellcheck warns of: the %s', (_, script) => {
      const file = join(folder, 'script');
      writeFileSync(file, script());
      expect(execFileSync(shellcheck!, ['-s', 'sh', file], { encoding: 'utf8' })).toBe('');
    });
  },
);
