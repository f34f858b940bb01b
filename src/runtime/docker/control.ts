import { PassThrough } from 'node:stream';
import type Docker from 'dockerode';
import type { ClusterPlan, NodePlan, ServicePlan, UnitPlan } from '../../plan/types.ts';
import type { Component } from '../../protocols/versions.ts';
import { DevclusterError } from '../../support/errors.ts';
import { containerName, inContainer, isHost } from './containers.ts';
import { inImage } from './embedded-image.ts';
import { engineMessage, statusOf } from './errors.ts';
import { succeedsInContainer } from './exec.ts';
import { stopUnit } from './lifecycle.ts';

/**
 * Starts or stops one service of a node: by the node host's control socket, which only the inside of its container
 * reaches, or with the service's own container.
 * @throws DevclusterError notFound, conflict when the node does not run
 */
export async function controlService(
  docker: Docker,
  plan: ClusterPlan,
  node: NodePlan,
  component: Component,
  action: 'start' | 'stop',
): Promise<void> {
  const unit = node.units.find(({ services }) => services.some((service) => service.component === component));
  if (!unit) throw new DevclusterError('notFound', 'NO_SUCH_SERVICE', `${node.name} has no service '${component}'`);
  const container = containerName(plan, unit);
  if (isHost(unit)) return tellHost(docker, container, unit, [component, action]);
  const supervisor = unit.services[0]?.container?.supervisor;
  if (supervisor && (await tellSupervisor(docker, container, supervisor, action))) return;
  if (action === 'stop') return stopUnit(docker, container);
  try {
    await docker.getContainer(container).start();
  } catch (error) {
    if (statusOf(error) !== 304) throw error;
  }
}

/** Waits for a second until a supervisor's file ($0) says what was asked for ($1). */
const isTaken =
  'for i in 1 2 3 4 5 6 7 8 9 10; do if [ -e "$0" ]; then is=stop; else is=start; fi; ' +
  '[ "$is" = "$1" ] && exit 0; sleep 0.1; done; exit 1';
const mostRequests = 10;

/**
 * Some shells miss a signal that comes just before they wait for their child, until the next one comes. So a request is
 * repeated until it was taken.
 * @returns whether the container runs, so that its supervisor was told
 */
async function tellSupervisor(
  docker: Docker,
  container: string,
  supervisor: NonNullable<NonNullable<ServicePlan['container']>['supervisor']>,
  action: 'start' | 'stop',
): Promise<boolean> {
  for (let request = 0; request < mostRequests; request++) {
    if (!(await signalIfRunning(docker, container, supervisor[action]))) return false;
    if (await succeedsInContainer(docker, container, ['/bin/sh', '-c', isTaken, supervisor.stoppedFile, action]))
      return true;
  }
  throw new DevclusterError(
    'unexpected',
    'CONTROL_FAILED',
    `The supervisor in ${container} does not ${action} its program`,
  );
}

/** @returns whether the container runs, so that its supervisor has got the signal */
async function signalIfRunning(docker: Docker, container: string, signal: string): Promise<boolean> {
  try {
    await docker.getContainer(container).kill({ signal });
    return true;
  } catch (error) {
    if (statusOf(error) === 404 || statusOf(error) === 409) return false;
    throw error;
  }
}

/** Moves the time of a node's apps on, as far as they belong to embedded services. */
export async function advanceClock(docker: Docker, plan: ClusterPlan, node: NodePlan, ms: number): Promise<void> {
  const host = node.units.find(isHost);
  if (host) await tellHost(docker, containerName(plan, host), host, ['advance', String(ms)]);
}

async function tellHost(docker: Docker, container: string, unit: UnitPlan, words: readonly string[]): Promise<void> {
  const program = [inImage.node, inImage.host, '--control', inContainer.controlSocket];
  const { code, output } = await runInside(docker, container, unit.node, [...program, ...words]);
  if (code !== 0)
    throw new DevclusterError(
      'unexpected',
      'CONTROL_FAILED',
      `The host of ${unit.id} refuses '${words.join(' ')}': ${output.trim()}`,
    );
}

/** Runs a program in a container to its end. */
async function runInside(docker: Docker, container: string, node: string, command: readonly string[]) {
  let exec: Docker.Exec;
  try {
    exec = await docker
      .getContainer(container)
      .exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true, AttachStdin: false });
  } catch (error) {
    if (statusOf(error) === 404 || statusOf(error) === 409)
      throw new DevclusterError('conflict', 'NODE_NOT_RUNNING', `${node} does not run: ${engineMessage(error)}`, {
        hint: `Run 'devcluster start ${node}', or 'devcluster node resume ${node}' when it is paused.`,
      });
    throw error;
  }
  const stream = await exec.start({ hijack: true, stdin: false });
  const chunks: Buffer[] = [];
  const collect = new PassThrough();
  collect.on('data', (chunk: Buffer) => chunks.push(chunk));
  docker.modem.demuxStream(stream, collect, collect);
  await new Promise<void>((resolve, reject) => {
    stream.once('end', resolve);
    stream.once('close', resolve);
    stream.once('error', reject);
  });
  const { ExitCode } = await exec.inspect();
  return { code: ExitCode ?? 1, output: Buffer.concat(chunks).toString('utf8') };
}
