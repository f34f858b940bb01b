import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { bin, createWorkplace, type Workplace } from './devcluster.ts';

interface Step {
  id?: string;
  name: string;
  if?: string;
  uses?: string;
  run?: string;
  env?: Record<string, string>;
}

const action = parse(await readFile(fileURLToPath(new URL('../../action.yml', import.meta.url)), 'utf8')) as {
  inputs: Record<string, { default: string }>;
  outputs: Record<string, { value: string }>;
  runs: { using: string; steps: Step[] };
};

let place: Workplace;
let temp: string;
beforeEach(async () => {
  place = await createWorkplace();
  temp = join(place.folder, 'runner-temp');
  await mkdir(temp);
  await mkdir(join(place.folder, 'node_modules', '.bin'), { recursive: true });
  await symlink(bin, join(place.folder, 'node_modules', '.bin', 'devcluster'));
});
afterEach(() => place.close());

/** The environment file and the outputs as GitHub's runner reads them. */
async function assignments(file: string): Promise<Record<string, string>> {
  const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n').filter(Boolean);
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

/** One step as GitHub's runner runs it, with what earlier steps put into the environment. */
async function runStep(id: string, inputs: Record<string, string>): Promise<{ code: number; output: string }> {
  const step = action.runs.steps.find((each) => each.id === id);
  if (!step?.run) return expect.fail(`there is no step ${id}`);
  // Inputs reach a script by variables only: as text they could be commands.
  expect(step.run).not.toContain('${{');
  const all = { ...Object.fromEntries(Object.entries(action.inputs).map(([k, v]) => [k, v.default])), ...inputs };
  const fill = (text: string) => text.replace(/\$\{\{ inputs\.([a-z-]+) \}\}/g, (_, name) => all[name] ?? '');
  const child = spawn('bash', ['--noprofile', '--norc', '-e', '-o', 'pipefail', '-c', step.run], {
    cwd: place.folder,
    env: {
      ...process.env,
      XDG_STATE_HOME: place.stateHome,
      DEVCLUSTER_RUNTIME: 'process',
      GITHUB_ENV: join(temp, 'env'),
      GITHUB_OUTPUT: join(temp, 'output'),
      RUNNER_TEMP: temp,
      ...(await assignments(join(temp, 'env'))),
      ...Object.fromEntries(Object.entries(step.env ?? {}).map(([key, value]) => [key, fill(value)])),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  const [code] = await once(child, 'close');
  return { code, output };
}

describe("the action's steps", () => {
  it('start a cluster and export where it is; commands find it; what is known is collected; nothing is left', async () => {
    const inputs = { name: place.cluster, options: '--nodes 1', run: 'curl -fsS "$MARATHON_URL/v2/info"\nexit 3' };
    const started = await runStep('start', inputs);
    expect(started.code, started.output).toBe(0);
    const exported = await assignments(join(temp, 'env'));
    expect(exported).toMatchObject({ DEVCLUSTER_NAME: place.cluster, MARATHON_URL: expect.stringMatching(/^http:/) });
    expect(await assignments(join(temp, 'output'))).toEqual({
      'marathon-url': exported.MARATHON_URL,
      'zk-hosts': exported.ZK_HOSTS,
    });
    const ran = await runStep('run', inputs);
    expect([ran.code, ran.output]).toEqual([3, expect.stringContaining('"name":"marathon"')]);
    await mkdir(join(place.folder, 'test-results', 'devcluster'), { recursive: true });
    await writeFile(join(place.folder, 'test-results', 'devcluster', 'x.log'), '');
    const collected = await runStep('collect', inputs);
    expect(collected.code, collected.output).toBe(0);
    expect(existsSync(join(temp, 'devcluster', 'support-bundle.tar.gz')), collected.output).toBe(true);
    expect(existsSync(join(temp, 'devcluster', 'tests', 'x.log'))).toBe(true);
    const stopped = await runStep('stop', inputs);
    expect(stopped.code, stopped.output).toBe(0);
    expect(place.leftovers()).toEqual([]);
    expect((await runStep('stop', inputs)).code).toBe(0);
  });

  it('are those of a composite action: each has a shell or is an action, and the last one always runs', () => {
    expect(action.runs.using).toBe('composite');
    for (const step of action.runs.steps) expect(Boolean(step.run) !== Boolean(step.uses)).toBe(true);
    expect(action.runs.steps.at(-1)).toMatchObject({ id: 'stop', if: expect.stringMatching(/^always\(\)/) });
    for (const { value } of Object.values(action.outputs)) expect(value).toMatch(/steps\.start\.outputs\./);
  });
});
