// Three embedded ZooKeeper servers alone: node hosts as devcluster starts them, carrying nothing else.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './measure.mjs';
import { endOf, freePorts, srvr, zooConfig } from './real-zookeeper.mjs';

const program = fileURLToPath(new URL('../../dist/node-host.cjs', import.meta.url));

/**
 * Three servers on 127.0.0.1, resolved when one leads and the others follow.
 * @param settings lines of zoo.cfg
 * @returns { hosts, pids(), killLeader(), restart(i), stop() }
 */
export async function startEmbeddedEnsemble(settings = []) {
  const folder = mkdtempSync(join(tmpdir(), 'bench-embedded-'));
  const ports = await freePorts(9);
  const children = [];
  const clientPorts = [2, 5, 8].map((i) => ports[i]);
  const launch = (i) => {
    const home = join(folder, String(i + 1));
    children[i] = spawn(process.execPath, ['--v8-pool-size=1', program, join(home, 'unit.json')], { stdio: 'ignore' });
  };
  for (const i of [0, 1, 2]) {
    const home = join(folder, String(i + 1));
    const data = join(home, 'data');
    mkdirSync(data, { recursive: true });
    writeFileSync(join(data, 'myid'), `${i + 1}\n`);
    writeFileSync(join(home, 'zoo.cfg'), zooConfig({ data, ports, clientPort: clientPorts[i], settings }));
    const unit = {
      cluster: 'bench',
      node: `node-${i + 1}`,
      address: '127.0.0.1',
      services: [{ component: 'zookeeper', argv: [join(home, 'zoo.cfg')], env: {} }],
      controlSocket: join(home, 'control.sock'),
      pidFile: join(home, 'pid'),
      logsDir: join(home, 'logs'),
      cut: [],
      keepFresh: [],
    };
    writeFileSync(join(home, 'unit.json'), JSON.stringify(unit));
    launch(i);
  }
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
    pids: () => children.map((child) => child.pid),
    async killLeader() {
      const leader = (await modes()).findIndex((text) => text.includes('Mode: leader'));
      children[leader].kill('SIGKILL');
      return leader;
    },
    async restart(i) {
      await endOf(children[i]);
      launch(i);
      await settled();
    },
    stop,
  };
}
