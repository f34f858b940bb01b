// Three ZooKeeper servers alone, whosever program they are.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './measure.mjs';

/**
 * Three servers on 127.0.0.1, resolved when one leads and the others follow.
 * @param settings lines of zoo.cfg
 * @param launch starts the server with this zoo.cfg, which may keep more in `home`: (home, zooCfg, i) => ChildProcess
 * @returns { hosts, seconds, pids(), killLeader(), restart(i), stop() }
 */
export async function startEnsemble(settings, launch) {
  const folder = mkdtempSync(join(tmpdir(), 'bench-zookeeper-'));
  const ports = await freePorts(9);
  const clientPorts = [2, 5, 8].map((i) => ports[i]);
  const homeOf = (i) => join(folder, String(i + 1));
  for (const [i, clientPort] of clientPorts.entries()) {
    const data = join(homeOf(i), 'data');
    mkdirSync(data, { recursive: true });
    writeFileSync(join(data, 'myid'), `${i + 1}\n`);
    writeFileSync(join(homeOf(i), 'zoo.cfg'), zooConfig({ data, ports, clientPort, settings }));
  }
  const start = (i) => launch(homeOf(i), join(homeOf(i), 'zoo.cfg'), i);
  const started = performance.now();
  const children = [0, 1, 2].map(start);
  const modes = () => Promise.all(clientPorts.map((port) => srvr(port)));
  const settled = () =>
    until(modes, (answers) => answers.filter((text) => /Mode: (leader|follower)/.test(text)).length === 3, 10);
  const stop = async () => {
    await Promise.all(children.map((child) => endOf(child)));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await settled();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    hosts: clientPorts.map((port) => `127.0.0.1:${port}`),
    seconds: (performance.now() - started) / 1000,
    pids: () => children.map((child) => child.pid),
    async killLeader() {
      const leader = (await modes()).findIndex((text) => text.includes('Mode: leader'));
      children[leader].kill('SIGKILL');
      return leader;
    },
    async restart(i) {
      await endOf(children[i]);
      children[i] = start(i);
      await settled();
    },
    stop,
  };
}

/** The zoo.cfg of one of three servers; `ports` holds quorum, election and client port of each. */
function zooConfig({ data, ports, clientPort, settings }) {
  const lines = [
    'tickTime=1000',
    'initLimit=20',
    'syncLimit=3',
    `dataDir=${data}`,
    `clientPort=${clientPort}`,
    'clientPortAddress=127.0.0.1',
    'maxClientCnxns=0',
    'admin.enableServer=false',
    '4lw.commands.whitelist=*',
    ...settings,
    ...[0, 1, 2].map((i) => `server.${i + 1}=127.0.0.1:${ports[3 * i]}:${ports[3 * i + 1]}`),
  ];
  return `${lines.join('\n')}\n`;
}

function srvr(port) {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write('srvr'));
    socket
      .on('data', (chunk) => (text += chunk))
      .on('error', () => resolve(''))
      .on('close', () => resolve(text));
  });
}

async function freePorts(count) {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise((resolve) => {
          const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function endOf(child) {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('close', resolve);
    child.kill('SIGKILL');
  });
}
