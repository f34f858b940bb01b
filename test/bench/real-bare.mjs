// A cluster's containers made again by the engine's API alone, all at once: what `up` is compared with.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { decode, encode } from 'dns-packet';
import { pack } from 'tar-stream';
import { until } from './measure.mjs';

/**
 * @param cluster its plan and subnet, and what the engine told of its containers while they were there
 * @returns seconds until all were started and until all services did their part, and what removes everything
 */
export async function startBare(docker, { plan, subnet, containers }) {
  const networkName = `${plan.name}-bare`;
  const volumes = new Set(
    containers.flatMap(({ HostConfig }) =>
      (HostConfig.Mounts ?? []).filter(({ Type }) => Type === 'volume').map((each) => each.Source),
    ),
  );
  const network = await docker.createNetwork({ Name: networkName, IPAM: { Config: [{ Subnet: subnet }] } });
  const made = [];
  const starting = [];
  const remove = async () => {
    await Promise.allSettled(starting);
    const begun = performance.now();
    await Promise.all(made.map((container) => container.remove({ force: true, v: true }).catch(() => {})));
    await network.remove();
    await Promise.all(
      [...volumes].map((each) =>
        docker
          .getVolume(each)
          .remove()
          .catch(() => {}),
      ),
    );
    return (performance.now() - begun) / 1000;
  };
  try {
    const begun = performance.now();
    const since = () => (performance.now() - begun) / 1000;
    const create = async (seen) => {
      const container = await docker.createContainer(specOf(seen, networkName, containers));
      made.push(container);
      return container;
    };
    const isHolder = ({ HostConfig }) => !HostConfig.NetworkMode.startsWith('container:');
    const holders = new Map(
      containers.filter(isHolder).map((seen) => {
        const created = create(seen);
        const started = created.then((container) => container.start());
        // Those that join it tell.
        started.catch(() => {});
        starting.push(started);
        return [bareName(seen.Name), { created, started }];
      }),
    );
    await settleAll(
      containers
        .filter((seen) => !isHolder(seen))
        .map(async (seen) => {
          const holder = holders.get(holderOf(seen, containers));
          await holder.created;
          const container = await create(seen);
          await putFiles(container, plan, seen);
          await holder.started;
          await container.start();
        }),
    );
    const startedSeconds = since();
    await ready(plan);
    return { startedSeconds, readySeconds: since(), remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Rejects after all have ended, so that all there is can be removed. */
async function settleAll(promises) {
  for (const { status, reason } of await Promise.allSettled(promises)) if (status === 'rejected') throw reason;
}

const bareName = (name) => `${name.replace(/^\//, '')}-bare`;

/** The engine names it by its id. */
function holderOf({ HostConfig }, containers) {
  const named = HostConfig.NetworkMode.slice('container:'.length);
  return bareName(containers.find(({ Id, Name }) => Id === named || Name === `/${named}`).Name);
}

function specOf(seen, network, containers) {
  const { Config, HostConfig, NetworkSettings } = seen;
  const { Image, Cmd, Entrypoint, Env, User, WorkingDir } = Config;
  const common = { name: bareName(seen.Name), Image, Cmd, Entrypoint, Env, User, WorkingDir };
  if (HostConfig.NetworkMode.startsWith('container:'))
    return { ...common, HostConfig: { ...HostConfig, NetworkMode: `container:${holderOf(seen, containers)}` } };
  const [{ IPAMConfig }] = Object.values(NetworkSettings.Networks);
  return {
    ...common,
    Hostname: Config.Hostname,
    ExposedPorts: Config.ExposedPorts,
    HostConfig: { ...HostConfig, NetworkMode: network },
    NetworkingConfig: { EndpointsConfig: { [network]: { IPAMConfig } } },
  };
}

/** What the service is told by files. */
async function putFiles(container, plan, { Config }) {
  const component = Config.Labels['devcluster.component'];
  const node = plan.nodes.find(({ name }) => name === Config.Labels['devcluster.node']);
  const files = node.units.flatMap(({ services }) => services).find((each) => each.component === component).files;
  if (files.length === 0) return;
  const archive = pack();
  for (const { path, content, mode } of files) archive.entry({ name: path.slice(1), mode: mode ?? 0o644 }, content);
  archive.finalize();
  await container.putArchive(archive, { path: '/' });
}

/** As `up` means it: every ZooKeeper serves, all agents and Marathon's framework are registered, DNS knows the leader. */
async function ready(plan) {
  const services = plan.nodes.flatMap(({ units }) => units.flatMap((unit) => unit.services));
  const probes = (kind) => services.map(({ probe }) => probe).filter((probe) => probe.kind === kind);
  const agents = probes('mesos-agent').length;
  await Promise.all([
    ...probes('zookeeper-srvr').map((server) =>
      until(
        () => srvr(server),
        (answer) => answer.includes('Mode:'),
      ),
    ),
    until(
      () => Promise.any(probes('mesos-master').map(({ url }) => summary(url))),
      ({ slaves, frameworks }) => slaves.length === agents && frameworks.length > 0,
    ),
    ...probes('marathon').map(({ url }) =>
      until(
        () => json(`${url}/v2/info`),
        (info) => Boolean(info.frameworkId),
      ),
    ),
    ...probes('dns').map((server) =>
      until(
        () => resolve(server),
        (answers) => answers > 0,
      ),
    ),
  ]);
}

async function json(url) {
  const reply = await fetch(url, { signal: AbortSignal.timeout(2000), redirect: 'manual' });
  if (reply.status !== 200) throw new Error(`${url} answered ${reply.status}`);
  return reply.json();
}

const summary = (url) => json(`${url}/state-summary`);

async function srvr({ host, port }) {
  const socket = connect({ host, port, timeout: 2000 });
  socket.on('timeout', () => socket.destroy());
  socket.end('srvr');
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  return answer;
}

async function resolve({ host, port, name }) {
  const socket = createSocket('udp4');
  try {
    socket.send(encode({ type: 'query', id: 1, questions: [{ type: 'A', name }] }), port, host);
    const [bytes] = await once(socket, 'message', { signal: AbortSignal.timeout(50) });
    return decode(bytes).answers.length;
  } finally {
    socket.close();
  }
}
