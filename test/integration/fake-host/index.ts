import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { ClusterPlan } from '../../../src/plan/types.ts';
import type { Component } from '../../../src/protocols/versions.ts';
import { statePaths } from '../../../src/runtime/paths.ts';
import { createProcessRuntime, type ProcessRuntimeOptions } from '../../../src/runtime/process/index.ts';
import type { Runtime } from '../../../src/runtime/types.ts';
import { httpCall, httpJson } from '../../../src/support/http-client.ts';
import { freePorts } from '../../unit/runtime/sites.ts';

/** Bundles a file of this folder: `main`, the host with fake services, or `driver`, the runtime as a command. */
export async function bundle(name: 'main' | 'driver', folder: string): Promise<string> {
  const outfile = join(folder, `${name}.mjs`);
  await build({
    entryPoints: [fileURLToPath(new URL(`${name}.ts`, import.meta.url))],
    outfile,
    external: ['execa'],
    bundle: true,
    platform: 'node',
    target: 'node20.17',
    format: 'esm',
    logLevel: 'error',
  });
  return outfile;
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
  const script = await bundle('main', folder);
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
