/** One embedded Marathon as a process of its own; its options are the arguments. It says `ready` once it leads or follows. */
import { start } from '../../src/embedded/marathon/index.ts';
import { systemClock } from '../../src/support/clock.ts';
import { createLogger } from '../../src/support/logger.ts';
import { createNetwork } from '../../src/support/network.ts';

const service = await start({
  argv: process.argv.slice(2),
  env: {},
  log: createLogger((line) => process.stderr.write(line), 'marathon', 'info'),
  clock: systemClock,
  random: Math.random,
  network: createNetwork(),
});
void service.ready.then(() => process.stdout.write('ready\n'));
void service.exited.then(({ code }) => process.exit(code));
