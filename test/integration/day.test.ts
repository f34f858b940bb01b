import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import { join, sep } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StatusDocument } from '../../src/cluster/status.ts';
import { skipped } from '../support/skipped.ts';
import { noTerminal, openTerminal, type Terminal, withoutEscapes } from '../support/terminal.ts';
import { bin, createWorkplace, type Result, type Workplace } from './devcluster.ts';

/** The day's secret: it may be known to the app, and be seen nowhere else. */
const planted = `pl4nted-${process.pid}-jewel`;
const piped = `p1ped-${process.pid}-jewel`;

const missing = noTerminal();
let place: Workplace;
let project: string;
/** All that was printed on this day. */
const printed: string[] = [];

beforeAll(async () => {
  place = await createWorkplace();
  project = join(place.folder, 'project');
  await mkdir(project);
});
afterAll(() => place.close());

async function note(result: Promise<Result>): Promise<Result> {
  const { code, stdout, stderr } = await result;
  printed.push(stdout, stderr);
  return { code, stdout, stderr };
}

/** A command in a pipe, in the project's folder. */
const run = (...args: string[]) => note(runIn(project, args));
async function runIn(folder: string, args: readonly string[], input?: string): Promise<Result> {
  // Commands of a workplace run in its own folder.
  const script = 'cd "$1"; shift; exec "$@"';
  const { spawn } = await import('node:child_process');
  const child = spawn('sh', ['-c', script, 'sh', folder, process.execPath, bin, ...args], {
    env: place.environment as NodeJS.ProcessEnv,
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdin?.end(input);
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const code = await new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? -1)));
  return { code, stdout, stderr };
}

const json = async <T>(...args: string[]): Promise<T> => {
  const { code, stdout, stderr } = await run(...args, '--json');
  if (code !== 0) throw new Error(`devcluster ${args.join(' ')} ended with ${code}\n${stdout}\n${stderr}`);
  return JSON.parse(stdout) as T;
};

const failure = ({ stdout }: Result) =>
  (JSON.parse(stdout) as { error: { code: string; message: string; hint: string } }).error;

/** A command on a terminal, as a user types it. */
function terminal(args: readonly string[], columns = 80): Terminal {
  const { NO_COLOR: _, ...env } = place.environment;
  const opened = openTerminal([process.execPath, bin, ...args], { cwd: project, env, columns });
  void opened.ended.then(() => printed.push(opened.shown));
  return opened;
}

const git = (...args: string[]) =>
  execFileSync('git', ['-C', project, '-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], {
    encoding: 'utf8',
  }).trim();

/** The project's app; it answers with a word, and shows whether it was given its secrets. */
function definition(word: string, more: object = {}): string {
  const serve =
    'const keys=process.env.PASSWORD.length+":"+require("fs").readFileSync("keys/db","utf8").length;' +
    'console.log("serving",process.env.WORD,keys);' +
    'require("http").createServer((q,s)=>s.end(process.env.WORD+" "+keys)).listen(process.env.PORT0,process.env.HOST)';
  return JSON.stringify(
    {
      id: '/shop/web',
      cmd: `exec '${process.execPath}' -e '${serve}'`,
      portDefinitions: [{ port: 0, name: 'http' }],
      env: { WORD: word, PASSWORD: '{{secret.DB_PASSWORD}}', COMMIT: '{{git.commit}}', CLUSTER: '{{cluster.name}}' },
      container: { type: 'MESOS', volumes: [{ containerPath: 'keys/db', secret: '{{secret.PIPED}}' }] },
      cpus: 0.1,
      mem: 32,
      healthChecks: [{ protocol: 'HTTP', path: '/', intervalSeconds: 1, gracePeriodSeconds: 10 }],
      ...more,
    },
    undefined,
    2,
  );
}

const write = (name: string, content: string) => writeFile(join(project, name), content);

async function answer(): Promise<string> {
  const [app] = await json<{ tasks: { host: string; ports: number[] }[] }[]>('apps');
  const { host, ports } = app!.tasks[0]!;
  return (await fetch(`http://${host}:${ports[0]}/`)).text();
}

describe.skipIf(skipped(missing === undefined, "a developer's day", missing ?? ''))("a developer's day", () => {
  it('begins with questions whose answers become the configuration', async () => {
    const init = terminal(['init']);
    for (const question of ['Name of the cluster:', 'How many nodes?', 'Where shall it run?', 'Whose programs?']) {
      await init.sees(question);
      init.type('\r');
    }
    await init.sees('With the sample apps?');
    init.type('n\r');
    await init.sees('Wrote devcluster.yml.');
    expect(await init.ended).toBe(0);
    expect(await json('generate', 'config')).toMatchObject({ name: place.cluster, samples: false });
    expect((await run('init', '--json')).code).toBe(6);
  });

  it('goes on with a cluster, on a terminal', async () => {
    const up = terminal(['up']);
    await up.sees(`Cluster '${place.cluster}' is ready`);
    await up.sees('Try next:');
    expect(await up.ended).toBe(0);
    expect(withoutEscapes(up.shown)).toMatch(/✔ ZooKeeper led by node-\d/);
    expect(up.shown).toContain('\u001b[');
  });

  it('secrets are typed unseen, or piped, and never shown', async () => {
    const set = terminal(['secret', 'set', 'DB_PASSWORD']);
    await set.sees('Value of DB_PASSWORD:');
    set.type(`${planted}\r`);
    await set.sees("The secret 'DB_PASSWORD' is set.");
    expect(await set.ended).toBe(0);
    expect((await note(runIn(project, ['secret', 'set', 'PIPED'], `${piped}\n`))).code).toBe(0);
    await write('.env', 'OTHER="x y"\nTOKEN=abc\n');
    expect(await json('secret', 'import', '.env')).toEqual({ imported: ['OTHER', 'TOKEN'] });
    expect((await json<{ name: string }[]>('secret', 'list')).map(({ name }) => name)).toEqual([
      'DB_PASSWORD',
      'OTHER',
      'PIPED',
      'TOKEN',
    ]);
    expect((await run('secret', 'remove', 'TOKEN')).code).toBe(0);
    expect((await run('secret', 'set', 'DB_PASSWORD', planted)).code).toBe(2);
  });

  it('what the definition lacks is told with its place', async () => {
    await write('marathon.json', definition('first'));
    const outside = await run('deploy', '--json');
    expect([outside.code, failure(outside).code]).toEqual([2, 'NOT_A_REPOSITORY']);
    await write('broken.json', '{\n  "id": "/x",\n  "cmd": "true",\n}');
    const broken = await run('deploy', 'broken.json');
    expect(broken.code).toBe(2);
    expect(broken.stderr).toContain("broken.json is not JSON, line 3, column 16: there is a comma before '}'");
    expect(broken.stderr).toContain('> 3 |   "cmd": "true",');
    await write('lacking.json', '{"id":"/x","cmd":"{{env.NO_SUCH_VARIABLE}}"}');
    expect((await run('deploy', 'lacking.json')).stderr).toContain('lacking.json, at /cmd');
    await write('lacking.json', '{"id":"/x","cmd":"true","env":{"A":"{{secret.NONE}}"}}');
    expect((await run('deploy', 'lacking.json')).stderr).toContain("there is no secret 'NONE'");
    await write('image.json', '{"id":"/x","container":{"type":"DOCKER","docker":{"image":"{{image}}"}}}');
    const image = await run('deploy', 'image.json', '--json');
    expect([image.code, failure(image).code]).toEqual([3, 'NO_CONTAINERS']);
  });

  it('the source is deployed, and what runs says from where', async () => {
    git('init', '-q', '-b', 'main');
    await write('.gitignore', '.env\n*.json\n!marathon.json\nbundle.tgz\ndevcluster-*/\n');
    git('add', '.');
    git('commit', '-qm', 'first');
    const deploy = terminal(['deploy']);
    await deploy.sees('deployed: /shop/web');
    expect(await deploy.ended).toBe(0);
    expect(await answer()).toBe(`first ${planted.length}:${piped.length}`);
    expect((await run('diff')).stdout).toContain('/shop/web stays as it is');
    expect(await json('diff')).toMatchObject({ changed: false });
    const [version] = await json<{ commit: string; branch: string }[]>('history', '/shop/web');
    expect(version).toMatchObject({ commit: git('rev-parse', 'HEAD'), branch: 'main', current: true });
  });

  it('a change is shown before it is made, and taken back by its commit', async () => {
    const first = git('rev-parse', 'HEAD');
    await write('marathon.json', definition('second', { instances: 2 }));
    const { stdout } = await run('deploy', '--dry-run');
    expect(stdout).toContain('~ /shop/web changes');
    expect(stdout).toContain('~ env.WORD: "first" → "second"');
    expect(stdout).toContain('~ instances: 1 → 2');
    expect(stdout).toMatch(/labels\.devcluster\.commit: "[0-9a-f]{7}" → "[0-9a-f]{7}-dirty\.[0-9a-f]{12}"/);
    expect(await answer()).toContain('first');
    git('commit', '-qam', 'second');
    const deployed = await run('deploy');
    expect(deployed.code, deployed.stderr).toBe(0);
    expect(deployed.stderr).toMatch(/\/shop\/web [0-9a-f]{8} on [\d.]+: running/);
    expect(await answer()).toContain('second');
    expect((await run('rollback', 'shop/web', '--to', first.slice(0, 8))).code).toBe(0);
    expect(await answer()).toContain('first');
    const history = (await run('history', '/shop/web')).stdout.split('\n');
    expect(history[1]).toMatch(/^\* +\S+ +[0-9a-f]{7} +.*env\.WORD/);
    expect((await run('rollback', 'shop/web', '--to', 'ffffffff')).code).toBe(5);
  });

  it('a bad version is explained by what it wrote, and rolled back', async () => {
    const bad = { cmd: 'echo cannot find my database >&2; sleep 0.3; exit 1' };
    await write('marathon.json', definition('bad', bad));
    const result = await run('deploy', '--timeout', '8', '--rollback', '--json');
    expect(result.code).toBe(7);
    expect(failure(result)).toMatchObject({ code: 'ROLLED_BACK' });
    expect(failure(result).message).toContain('  cannot find my database');
    expect(await answer()).toContain('first');
    git('checkout', '-q', 'marathon.json');
  });

  it('a locked app names what holds it, and how to force', async () => {
    await write('big.json', '{"id":"/big","cmd":"sleep 1","cpus":1000}');
    expect((await run('deploy', 'big.json', '--no-wait')).code).toBe(0);
    const locked = await run('scale', '/big', '2', '--json');
    expect(locked.code).toBe(6);
    expect(failure(locked).message).toMatch(/Locked by deployment [0-9a-f-]{36}/);
    expect(failure(locked).hint).toContain('--force');
    expect((await run('remove', '/big', '--force')).code).toBe(0);
  });

  it('one looks into what runs', async () => {
    expect((await run('logs', 'app:/shop/web', '--tail', '1')).stdout).toMatch(
      /^shop_web\.[0-9a-f]{8} {2}serving first/m,
    );
    const inside = await run('exec', 'app:/shop/web', '--', 'sh', '-c', 'basename "$PWD" >&2; echo "$WORD"; ls keys');
    expect(inside.stdout).toBe('first\ndb\n');
    expect((await run('exec', 'node-2', '--', 'sh', '-c', 'exit 7')).code).toBe(7);
    expect((await run('open', '/shop/web')).stdout).toMatch(/^http:\/\/127\.[\d.]+:\d+\n$/);
    await write('crash.json', '{"id":"/crash","cmd":"echo seen $RANDOM; exit 4","cpus":0.1,"mem":16}');
    await run('deploy', 'crash.json', '--no-wait');
    for (;;) if ((await run('logs', 'app:/crash')).stdout.includes('seen')) break;
    await run('remove', '/crash', '--force');
  });

  it('events and status are followed as things happen', async () => {
    const events = terminal(['events', '--app', '/shop']);
    const status = terminal(['status', '--watch']);
    await status.sees('1 task running');
    const { child, ended } = place.start(['events', '--json', '--type', 'deployment_success']);
    const heard = new Promise<string>((resolve) => child.stdout?.once('data', (chunk) => resolve(String(chunk))));
    // Whoever listens too late hears nothing: the change is made again until all of them have heard of one.
    let over = false;
    const changes = (async () => {
      for (let instances = 2; !over; instances = 3 - instances) await run('scale', '/shop/web', String(instances));
    })();
    await Promise.all([status.sees('2 tasks running'), events.sees('deployment_success'), heard]);
    over = true;
    await changes;
    expect(JSON.parse((await heard).split('\n')[0]!)).toMatchObject({ eventType: 'deployment_success' });
    for (const each of [events, status]) {
      each.type('\u0003');
      expect(await each.ended).toBe(130);
    }
    child.kill('SIGINT');
    expect((await ended).code).toBe(130);
  });

  it('another Marathon is a target; others are asked before it is changed', async () => {
    const { endpoints } = await json<StatusDocument>('status');
    const gate = await openGate(endpoints!.marathon, 'anna', 'op3n');
    // To all appearances not this machine.
    const url = `http://0.0.0.0:${gate.port}`;
    const unauthorised = await run('apps', '--target', url, '--json');
    expect([unauthorised.code, failure(unauthorised).code]).toEqual([3, 'MARATHON_REFUSED']);
    const silent = await run('target', 'add', 'shared', url, '--user', 'anna', '--json');
    expect([silent.code, failure(silent).code]).toEqual([2, 'NOTHING_GIVEN']);
    const add = await note(runIn(project, ['target', 'add', 'shared', url, '--user', 'anna'], 'op3n\n'));
    expect([add.code, add.stderr]).toEqual([0, '']);
    expect(await json('target', 'list')).toMatchObject([{ name: 'shared', url, auth: 'user anna', current: false }]);
    expect((await run('apps', '--target', 'shared')).stdout).toContain('/shop/web');
    const refused = await run('scale', '/shop/web', '1', '--target', 'shared', '--json');
    expect([refused.code, failure(refused).code]).toEqual([2, 'NEEDS_CONSENT']);
    const asked = terminal(['scale', '/shop/web', '3', '--target', 'shared']);
    await asked.sees('Scale /shop/web to 3 on shared, which others may use?');
    asked.type('y\r');
    await asked.sees('deployed: /shop/web');
    expect(await asked.ended).toBe(0);
    expect((await run('target', 'use', 'shared')).code).toBe(0);
    expect((await run('scale', '/shop/web', '1', '--yes')).stderr).toContain(`on shared (${url})`);
    expect((await run('target', 'use', 'local')).code).toBe(0);
    gate.close();
    const unreachable = await run('apps', '--target', 'shared');
    expect(unreachable.code).toBe(3);
    expect(unreachable.stderr).toContain(`Is ${url} right`);
    expect(printed.join('')).not.toContain('op3n');
  });

  it('a reader who leaves early, and a very narrow terminal, are no trouble', async () => {
    const script = `"$0" "$1" logs marathon | head -1; echo "\${PIPESTATUS[*]}"`;
    const out = execFileSync('bash', ['-c', script, process.execPath, bin], {
      env: place.environment as NodeJS.ProcessEnv,
      encoding: 'utf8',
    });
    expect(out.trimEnd().split('\n').at(-1)).toBe('0 0');
    const status = terminal(['status', '--watch'], 20);
    await status.sees('Ctrl-C ends');
    status.type('\u0003');
    expect(await status.ended).toBe(130);
    const widths = withoutEscapes(status.shown)
      .split(/\r?\n/)
      .map((line) => line.length);
    expect(Math.max(...widths)).toBeLessThanOrEqual(20);
    const up = terminal(['up'], 20);
    expect(await up.ended).toBe(0);
  });

  it('others are told what is there: completion, Ansible, whoever helps, and a new developer', async () => {
    // A busy Marathon is not waited for while somebody types.
    let names: string[] = [];
    while (!names.includes('app:/shop/web')) names = (await run('completion', '--names', 'exec')).stdout.split('\n');
    expect(names).toEqual(expect.arrayContaining(['node-1', 'node-2', 'node-3']));
    const inventory = await json<{ all: { hosts: object; children: Record<string, { hosts: object }> } }>(
      'generate',
      'inventory',
    );
    expect(Object.keys(inventory.all.hosts)).toEqual(['node-1', 'node-2', 'node-3']);
    expect(Object.keys(inventory.all.children.mesos_master!.hosts)).toHaveLength(3);
    const { files } = await json<{ files: string[] }>('support-bundle', '-o', 'bundle.tgz');
    expect(files).toEqual(
      expect.arrayContaining(['status.json', 'record.json', 'logs/node-1.log', 'marathon/apps.json']),
    );
    execFileSync('tar', ['-xzf', 'bundle.tgz'], { cwd: project });
    const onboard = await json<{ ok: boolean; steps: { step: string; state: string }[] }>('onboard', '--yes');
    expect(onboard.steps.map(({ step, state }) => [step, state])).toEqual([
      ['doctor', 'done'],
      ['init', 'skipped'],
      ['up', 'done'],
      ['deploy', 'done'],
    ]);
    await mkdir(join(place.stateHome, 'devcluster', 'lost'));
    const asked = await run('prune', '--json');
    expect([asked.code, failure(asked).code]).toEqual([2, 'NEEDS_CONSENT']);
    expect(failure(asked).message).toContain('lost: it has a folder, but no record');
    expect(await json('prune', '--yes')).toEqual({ removed: ['lost'], failed: [] });
    await json('up', '-c', 'moved', '--nodes', '1', '--no-samples');
    await rename(join(place.stateHome, 'devcluster', 'moved'), join(place.folder, 'moved'));
    expect((await run('prune')).stderr).toMatch(/moved: its record is gone; left of it: 1 process/);
    expect(await json('prune', '--yes')).toEqual({ removed: ['moved'], failed: [] });
  });

  it('no secret has got anywhere but to the app', async () => {
    const { endpoints } = await json<StatusDocument>('status');
    const texts: [string, string][] = [
      ...printed.map((text): [string, string] => ['what commands printed', text]),
      ['process list', execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })],
      ['logs', (await run('logs')).stdout],
    ];
    for (const path of ['/v2/apps', '/v2/apps/shop/web/versions', '/v2/groups', '/v2/tasks', '/v2/queue', '/v2/info'])
      texts.push([path, await (await fetch(endpoints!.marathon + path)).text()]);
    for (const path of ['/state', '/flags', '/tasks'])
      texts.push([path, await (await fetch(endpoints!.mesos + path)).text()]);
    for (const file of filesBelow(place.folder)) texts.push([file, contentOf(file)]);
    const secretFiles = `${sep}secrets${sep}`;
    const found = texts.filter(
      ([where, text]) => !where.includes(secretFiles) && (text.includes(planted) || text.includes(piped)),
    );
    expect(found.map(([where]) => where)).toEqual([]);
    // The search itself finds what is there.
    expect(texts.some(([where, text]) => where.includes(secretFiles) && text === planted)).toBe(true);
  });

  it('ends with nothing left', async () => {
    expect((await run('remove', '/shop')).code).toBe(0);
    expect((await run('down')).stdout).toContain('is removed');
    expect(place.leftovers()).toEqual([]);
  });
});

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.isFile() ? [path] : [];
  });
}

/** What is there at this moment: a running cluster's files come and go. */
function contentOf(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

/** A proxy in front of a Marathon that lets in one user only. */
async function openGate(to: string, user: string, password: string): Promise<{ port: number; close(): void }> {
  const expected = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const server: Server = createServer((incoming, answer) => {
    if (incoming.headers.authorization !== expected) {
      answer.writeHead(401, { 'Content-Type': 'application/json' }).end('{"message":"who are you?"}');
      return;
    }
    const { host: _, authorization: __, ...headers } = incoming.headers;
    const passed = request(to + incoming.url, { method: incoming.method, headers }, (reply) => {
      answer.writeHead(reply.statusCode ?? 500, reply.headers);
      reply.pipe(answer);
    });
    passed.on('error', () => answer.destroy());
    answer.on('close', () => passed.destroy());
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  const { port } = server.address() as { port: number };
  return {
    port,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
