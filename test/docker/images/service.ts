import { spawnSync } from 'node:child_process';
import { existsSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import { loadComponent } from '../../../src/embedded/host/components.ts';
import { type Component, components } from '../../../src/protocols/versions.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { messageOf } from '../../../src/support/errors.ts';
import { createLogger } from '../../../src/support/logger.ts';
import { createNetwork } from '../../../src/support/network.ts';

/**
 * One embedded server as a program of its own: what the images that stand in for the real ones start. It takes the
 * process's arguments and variables, writes its log on standard error, and exits as the real program does: with the
 * code of a service that ended by itself, 1 when it can't start, and by SIGTERM at once, leaving its session in
 * ZooKeeper to expire, all but Marathon and Mesos-DNS, which end in order.
 */
const [, , name, ...argv] = process.argv;
const component = components.find((each) => each === name);
if (component) void run(component);
else {
  process.stderr.write(`usage: service ${components.join('|')} ARGUMENTS\n`);
  process.exitCode = 2;
}

async function run(which: Component): Promise<void> {
  const log = createLogger((line) => void process.stderr.write(line), which);
  const env = Object.fromEntries(Object.entries(process.env).flatMap(([key, value]) => (value ? [[key, value]] : [])));
  if (which === 'mesos-agent') checkDocker(env);
  if (env.HOLD_UNTIL) await appears(env.HOLD_UNTIL);
  const network = createNetwork();
  try {
    const start = await loadComponent[which]();
    const running = await start({ argv, env, log, clock: systemClock, random: Math.random, network });
    if (which === 'marathon' || which === 'mesos-dns')
      process.on('SIGTERM', () => void running.stop().finally(() => process.exit(which === 'marathon' ? 143 : 0)));
    const { code, reason } = await running.exited;
    process.stderr.write(`${reason}\n`);
    process.exit(code);
  } catch (error) {
    process.stderr.write(`${which}: ${messageOf(error)}\n`);
    process.exit(1);
  }
}

/** The real agent ends at its start when the Docker containerizer is asked for and its CLI doesn't work. */
function checkDocker(env: Readonly<Record<string, string>>): void {
  const flag = (wanted: string, otherwise: string) =>
    argv.find((each) => each.startsWith(`--${wanted}=`))?.slice(wanted.length + 3) ??
    env[`MESOS_${wanted.toUpperCase()}`] ??
    otherwise;
  if (!flag('containerizers', 'mesos').split(',').includes('docker')) return;
  const cli = flag('docker', 'docker');
  const command = [cli, '-H', `unix://${flag('docker_socket', '/var/run/docker.sock')}`, '--version'];
  const { status, error } = spawnSync(cli, command.slice(1), { encoding: 'utf8' });
  if (status === 0) return;
  const how = error ? messageOf(error) : `exited with status ${status}`;
  process.stderr.write(
    `EXIT with status 1: Failed to create a containerizer: Could not create DockerContainerizer: Failed to create docker: ` +
      `Failed to get docker version: Failed to execute '${command.join(' ')}': ${how}\n`,
  );
  process.exit(1);
}

/** Nothing is heard of the program before, as of a JVM that takes its time. */
async function appears(file: string): Promise<void> {
  const watcher = watch(dirname(file));
  try {
    await new Promise<void>((resolve) => {
      const look = () => existsSync(file) && resolve();
      watcher.on('change', look);
      look();
    });
  } finally {
    watcher.close();
  }
}
