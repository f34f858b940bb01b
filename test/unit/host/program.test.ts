import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { complaintIn, programStart } from '../../../src/embedded/host/program.ts';
import type { RunningService } from '../../../src/embedded/service.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { silentLogger } from '../../../src/support/logger.ts';
import { createNetwork, type Network } from '../../../src/support/network.ts';
import { identify, isAlive, type ProcessIdentity } from '../../../src/support/process.ts';
import { eventually } from '../../support/eventually.ts';

/** What the server that stands for the program's answers to `srvr`. */
let answer: string;
let server: Server;
let network: Network;
let lines: string[];
let running: RunningService | undefined;

beforeEach(async () => {
  answer = 'This ZooKeeper instance is not currently serving requests\n';
  lines = [];
  network = createNetwork();
  server = createServer((socket) => {
    socket.on('error', () => {}).once('data', () => socket.end(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  await running?.stop();
  running = undefined;
  network.close();
  server.close();
});

/** Runs JavaScript as the program. */
async function run(script: string, argv: string[] = [], env: Record<string, string> = {}): Promise<RunningService> {
  const { port } = server.address() as { port: number };
  const start = programStart(
    { command: [process.execPath, '-e', script, '--'], srvr: { host: '127.0.0.1', port } },
    (line) => lines.push(line),
  );
  running = await start({ argv, env, log: silentLogger, clock: systemClock, random: Math.random, network });
  return running;
}

const runsOn = 'setInterval(() => {}, 1000);';
const tellsPid = `process.stdout.write(process.pid + '\\n');`;

async function pidSaid(): Promise<ProcessIdentity> {
  await eventually(() => expect(lines).toHaveLength(1));
  return identify(Number(lines[0]!.split(' ')[1]))!;
}

describe('a real program as a service', () => {
  it('gets the arguments and variables of the service, and none of the host', async () => {
    const service = await run('console.log(JSON.stringify([process.argv.slice(1), process.env]))', ['zoo.cfg'], {
      A: 'b',
    });
    await service.exited;
    expect(JSON.parse(lines[0]!.slice(lines[0]!.indexOf('[')))).toEqual([['zoo.cfg'], { A: 'b' }]);
  });

  it('is ready when it tells its mode, not when it listens', async () => {
    const service = await run(runsOn);
    let ready = false;
    void service.ready.then(() => {
      ready = true;
    });
    await new Promise<void>((resolve) => server.once('connection', (socket) => socket.once('close', () => resolve())));
    expect(ready).toBe(false);
    answer = 'Zookeeper version: 3.8.0\nMode: follower\nNode count: 5\n';
    await service.ready;
  });

  it('writes both of its outputs to the log, each line with a time', async () => {
    const own = '2026-01-02T03:04:05.678Z [main] INFO begins';
    const service = await run(`console.log('${own}'); console.error('no time'); process.stdout.write('no end')`);
    await service.exited;
    expect(lines).toContain(`${own}\n`);
    for (const text of ['no time', 'no end'])
      expect(lines.find((line) => line.includes(text))).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z no (time|end)\n$/);
  });

  it('says with which code it ended, and why', async () => {
    const service = await run(`
      console.log('x ERROR Unexpected exception, exiting abnormally');
      console.log('java.net.BindException: Address already in use');
      console.log('x ERROR Exiting JVM with code 3');
      process.exitCode = 3;`);
    expect(await service.exited).toEqual({
      code: 3,
      reason: 'the program ended with code 3: java.net.BindException: Address already in use',
    });
    await expect(service.ready).rejects.toThrow();
  });

  it('says which signal ended it', async () => {
    const service = await run(tellsPid + runsOn);
    process.kill((await pidSaid()).pid, 'SIGKILL');
    expect((await service.exited).reason).toBe('the program was ended by SIGKILL');
  });

  it('can not be started when it is not there', async () => {
    const start = programStart({ command: ['/nowhere/java'], srvr: { host: '127.0.0.1', port: 1 } }, () => {});
    const context = { argv: [], env: {}, log: silentLogger, clock: systemClock, random: Math.random, network };
    await expect(start(context)).rejects.toThrow(/ENOENT/);
  });

  it('is gone when it was stopped, and tells of no exit then', async () => {
    const service = await run(tellsPid + runsOn);
    const identity = await pidSaid();
    let told = false;
    void service.exited.then(() => {
      told = true;
    });
    await service.stop();
    expect(isAlive(identity)).toBe(false);
    expect(told).toBe(false);
  });

  it('is killed when it does not care about SIGTERM', async () => {
    const service = await run(`process.on('SIGTERM', () => {}); ${tellsPid}${runsOn}`);
    const identity = await pidSaid();
    await service.stop();
    expect(isAlive(identity)).toBe(false);
  });
});

describe('why a program ended', () => {
  it('is said by its last exception, else by its last error, else by nothing', () => {
    expect(complaintIn(['a ERROR one', 'b ERROR two', 'c INFO three'])).toBe('b ERROR two');
    expect(complaintIn(['java.io.IOException: full', '\tat a.B(C.java:1)', 'ERROR exiting'])).toBe(
      'java.io.IOException: full',
    );
    expect(complaintIn(['INFO all is well'])).toBeUndefined();
  });
});
