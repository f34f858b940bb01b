/** One embedded ZooKeeper server as a process of its own. Argument: its zoo.cfg. Commands come as lines on stdin. */
import { createInterface } from 'node:readline';
import { start } from '../../src/embedded/zookeeper/index.ts';
import { systemClock } from '../../src/support/clock.ts';
import { createLogger } from '../../src/support/logger.ts';
import { createNetwork } from '../../src/support/network.ts';

const network = createNetwork();
const log = createLogger((line) => process.stderr.write(line), 'zookeeper', 'debug');
const service = await start({
  argv: process.argv.slice(2),
  env: {},
  log,
  clock: systemClock,
  random: Math.random,
  network,
});
void service.ready.then(() => process.stdout.write('ready\n'));
void service.exited.then(({ code }) => process.exit(code));

createInterface({ input: process.stdin }).on('line', (line) => {
  const [command, argument = ''] = line.split(' ');
  if (command === 'block') {
    const until = performance.now() + Number(argument);
    while (performance.now() < until);
    process.stdout.write('unblocked\n');
  } else if (command === 'cut') {
    network.cut(argument === '' ? [] : argument.split(','));
    process.stdout.write('cut\n');
  }
});
