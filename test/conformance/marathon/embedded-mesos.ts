import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { start as startAgent } from '../../../src/embedded/mesos-agent/index.ts';
import { start as startMaster } from '../../../src/embedded/mesos-master/index.ts';
import type { RunningService } from '../../../src/embedded/service.ts';
import {
  contextOf,
  freePort,
  type MarathonForTests,
  startMarathon,
  startZooKeeper,
  type ZooKeeperForTests,
} from './harness.ts';

export interface MesosForTests {
  readonly zk: ZooKeeperForTests;
  readonly marathon: MarathonForTests;
  /** Work folder of the agent. */
  readonly agentFolder: string;
  /** `http://host:port` of the master. */
  readonly masterUrl: string;
  /** Ends this Marathon and starts another one. */
  restartMarathon(): Promise<MarathonForTests>;
  close(): Promise<void>;
}

type Flags = Record<string, string | number>;

/** ZooKeeper, a master, one agent whose tasks are real processes, and Marathon. */
export async function startEmbeddedMesos(flags: { agent?: Flags; marathon?: Flags } = {}): Promise<MesosForTests> {
  const folder = await mkdtemp(join(tmpdir(), 'marathon-mesos-'));
  const closers: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const close = async () => {
    for (const closer of closers.reverse()) await closer();
  };
  try {
    const zk = await startZooKeeper();
    closers.push(() => zk.close());
    const masters = `zk://${zk.address}/mesos`;
    const run = async (start: typeof startMaster, name: string, given: Flags): Promise<RunningService> => {
      const argv = Object.entries(given).map(([flag, value]) => `--${flag}=${value}`);
      const { context, close: closeNetwork } = contextOf(argv, name);
      const service = await start(context);
      closers.push(async () => {
        await service.stop();
        closeNetwork();
      });
      return service;
    };
    const common = { ip: '127.0.0.1', hostname: '127.0.0.1' };
    const masterPort = await freePort();
    const master = await run(startMaster, 'master', {
      ...common,
      zk: masters,
      port: masterPort,
      quorum: 1,
      work_dir: join(folder, 'master'),
      allocation_interval: '50ms',
    });
    await master.ready;
    const ports = await Promise.all(Array.from({ length: 6 }, freePort));
    const agentFolder = join(folder, 'agent');
    await run(startAgent, 'agent', {
      ...common,
      master: masters,
      port: await freePort(),
      work_dir: agentFolder,
      launcher: 'posix',
      containerizers: 'mesos',
      switch_user: 'false',
      resources: `cpus:4;mem:4096;disk:10000;ports:[${ports.map((port) => `${port}-${port}`).join(',')}]`,
      attributes: 'node:node-1',
      ...flags.agent,
    });
    const marathonFlags = { min_revive_offers_interval: 20, decline_offer_duration: 100, ...flags.marathon };
    let marathon = await startMarathon(zk, masters, marathonFlags);
    closers.push(() => marathon.stop());
    await marathon.service.ready;
    return {
      zk,
      agentFolder,
      masterUrl: `http://127.0.0.1:${masterPort}`,
      get marathon() {
        return marathon;
      },
      async restartMarathon() {
        await marathon.stop();
        marathon = await startMarathon(zk, masters, marathonFlags);
        await marathon.service.ready;
        return marathon;
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
