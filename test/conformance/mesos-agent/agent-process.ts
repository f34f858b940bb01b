import { start } from '../../../src/embedded/mesos-agent/index.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { silentLogger } from '../../../src/support/logger.ts';
import { createNetwork } from '../../../src/support/network.ts';

const [master, workDir] = process.argv.slice(2);
const resources = 'cpus:2;mem:2048;disk:4096;ports:[31000-31019]';
await start({
  argv: [
    `--master=${master}`,
    '--ip=127.0.0.1',
    '--port=0',
    '--hostname=node-1',
    `--work_dir=${workDir}`,
    `--resources=${resources}`,
    '--attributes=node:node-1',
  ],
  env: {},
  log: silentLogger,
  clock: systemClock,
  random: Math.random,
  network: createNetwork(),
});
