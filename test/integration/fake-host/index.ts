import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { ClusterPlan, NodePlan, PortName, ServicePlan, Site } from '../../../src/plan/types.ts';
import { type Component, components } from '../../../src/protocols/versions.ts';
import { statePaths } from '../../../src/runtime/paths.ts';
import { createProcessRuntime, type ProcessRuntimeOptions } from '../../../src/runtime/process/index.ts';
import type { Runtime } from '../../../src/runtime/types.ts';
import { httpCall, httpJson } from '../../../src/support/http-client.ts';
import { freePorts } from '../../unit/runtime/sites.ts';

/** Bundles the host with fake services. */
export async function buildFakeHost(folder: string): Promise<string> {
  const script = join(folder, 'fake-host.mjs');
  await build({
    entryPoints: [fileURLToPath(new URL('main.ts', import.meta.url))],
    outfile: script,
    bundle: true,
    platform: 'node',
    target: 'node20.17',
    format: 'esm',
    logLevel: 'error',
  });
  return script;
}

export interface Bench {
  folder: string;
  script: string;
  runtime(options?: ProcessRuntimeOptions): Runtime;
  close(): Promise<void>;
}

/** A state folder and claims of the test's own. */
export async function createBench(): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'dc-'));
  const script = await buildFakeHost(folder);
  const standardPorts = await freePorts();
  return {
    folder,
    script,
    runtime: (options = {}) =>
      createProcessRuntime({
        paths: statePaths({ XDG_STATE_HOME: join(folder, 'state') }),
        hostScript: script,
        samplesDir: folder,
        claimsFolder: join(folder, 'claims'),
        standardPorts,
        ...options,
      }),
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

const portOf: Record<Component, PortName> = {
  zookeeper: 'zookeeper',
  'mesos-master': 'mesos-master',
  'mesos-agent': 'mesos-agent',
  marathon: 'marathon',
  'mesos-dns': 'mesos-dns-http',
};

/** A plan with fake services: each is told its address and port, and a value of the same variable as no other. */
export function fakePlan(cluster: string, site: Site, extra: Partial<Record<Component, string[]>> = {}): ClusterPlan {
  const nodes = site.nodes.map((place): NodePlan => {
    const service = (component: Component): ServicePlan => {
      const port = place.ports[portOf[component]];
      const url = `http://${place.address}:${port}`;
      return {
        component,
        node: place.name,
        engine: 'embedded',
        version: '0',
        args: [
          `--ip=${place.address}`,
          `--port=${port}`,
          `--work_dir=${place.dataDir}/mesos-agent`,
          ...(extra[component] ?? []),
        ],
        env: { MESOS_PORT: String(port), MESOS_WORK_DIR: `/of/${place.name}/${component}` },
        files: [{ path: join(place.dataDir, component, 'settings'), content: component }],
        ports: [portOf[component]],
        url,
        probe: { kind: 'marathon', url },
        after: [],
      };
    };
    return {
      name: place.name,
      control: true,
      site: place,
      resources: { cpus: 1, mem: 1, disk: 1, gpus: 0 },
      attributes: {},
      units: [{ id: place.name, node: place.name, services: components.map(service) }],
    };
  });
  return {
    name: cluster,
    runtime: 'process',
    engine: 'embedded',
    domain: 'mesos',
    nodes,
    endpoints: { zookeeper: '', mesos: [], marathon: [], mesosDns: [], dns: [] },
    configHash: '',
  };
}

export function urlOf(plan: ClusterPlan, node: string, component: Component): string {
  const services = plan.nodes.find(({ name }) => name === node)!.units[0]!.services;
  return services.find((service) => service.component === component)!.url!;
}

export interface FakeContext {
  pid: number;
  argv: string[];
  env: Record<string, string>;
  hostVariables: string[];
}

export async function contextOf(url: string): Promise<FakeContext> {
  return (await httpJson<FakeContext>(`${url}/context`)).json!;
}

/** Has the node's agent run a shell command; @returns its pid */
export async function startTask(plan: ClusterPlan, node: string, command: string): Promise<number> {
  const reply = await httpCall(`${urlOf(plan, node, 'mesos-agent')}/task`, { method: 'POST', body: command });
  return (JSON.parse(reply.body.toString()) as { pid: number }).pid;
}
