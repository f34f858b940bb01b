import { readFile } from 'node:fs/promises';
import { arch, platform, release } from 'node:os';
import { join } from 'node:path';
import { runChecks } from '../cluster/doctor.ts';
import { listClusters } from '../cluster/list.ts';
import { isPlanned } from '../cluster/record.ts';
import { clusterStatus } from '../cluster/status.ts';
import { messageOf } from '../support/errors.ts';
import { httpCall } from '../support/http-client.ts';
import { packageRoot } from '../support/package-root.ts';
import { hideIn, redact } from '../support/redact.ts';
import { clusterContext } from './open-cluster.ts';
import { secretStore } from './secrets.ts';
import type { CommandContext } from './spec.ts';

/** A file of a bundle. */
export interface BundleFile {
  name: string;
  content: string;
}

const logLines = 2000;
const askMs = 3000;

/** What Marathon and the masters are asked for. */
const questions = {
  marathon: {
    apps: '/v2/apps?embed=apps.tasks&embed=apps.lastTaskFailure',
    queue: '/v2/queue',
    deployments: '/v2/deployments',
    info: '/v2/info',
  },
  mesos: { state: '/state', metrics: '/metrics/snapshot' },
} as const;

/**
 * Everything that helps to understand what is wrong with a cluster, secrets removed. What can't be found out is said in
 * its place, since the bundle is asked for when things don't work.
 */
export async function collectBundle(context: CommandContext, name: string): Promise<BundleFile[]> {
  const clusters = clusterContext(context);
  const record = await clusters.records.read(name).catch(() => undefined);
  const secrets = await secretValues(context, name);
  const hide = hideIn(secrets);
  const asJson = async (file: string, find: () => Promise<unknown>): Promise<BundleFile> => {
    const document = await find().catch((error: unknown) => ({ error: messageOf(error) }));
    return { name: file, content: `${JSON.stringify(redact(document, secrets), undefined, 2)}\n` };
  };
  const files = [
    asJson('versions.json', versions),
    asJson('doctor.json', () => runChecks({ root: clusters.records.paths.root, env: context.env })),
    asJson('clusters.json', () => listClusters(clusters)),
    asJson('status.json', () => clusterStatus(clusters, name)),
  ];
  if (record) files.push(asJson('record.json', async () => record));
  if (isPlanned(record)) {
    const { plan } = record;
    for (const service of ['marathon', 'mesos'] as const)
      for (const [what, path] of Object.entries(questions[service]))
        files.push(asJson(`${service}/${what}.json`, () => askFirst(plan.endpoints[service], path)));
    const runtime = await clusters.runtime(record.runtime).catch(() => undefined);
    for (const node of runtime ? plan.nodes : [])
      files.push(
        (async () => {
          const lines: string[] = [];
          try {
            const options = { tail: logLines, follow: false, signal: context.signal };
            for await (const { source, text } of runtime!.logs(plan, { node }, options))
              lines.push(`${source} ${text}`);
          } catch (error) {
            lines.push(`the logs can't be read: ${messageOf(error)}`);
          }
          return { name: `logs/${node.name}.log`, content: hide(`${lines.join('\n')}\n`) };
        })(),
      );
  }
  return Promise.all(files);
}

async function versions(): Promise<object> {
  const { version } = JSON.parse(await readFile(join(packageRoot(), 'package.json'), 'utf8')) as { version: string };
  return { devcluster: version, node: process.versions, platform: platform(), release: release(), arch: arch() };
}

async function askFirst(urls: readonly string[], path: string): Promise<unknown> {
  let failure: unknown = new Error('there is no address to ask');
  for (const url of urls)
    try {
      const reply = await httpCall(url + path, { timeoutMs: askMs, maxRedirects: 2 });
      return JSON.parse(reply.body.toString('utf8'));
    } catch (error) {
      failure = error;
    }
  throw failure;
}

/** Whole values, and the lines of longer ones: a key of several lines is printed line by line. */
async function secretValues(context: CommandContext, cluster: string): Promise<string[]> {
  const store = secretStore(context, cluster);
  const names = await store.list().catch(() => []);
  const values = await Promise.all(names.map(({ name }) => store.read(name).then(String, () => '')));
  return values.flatMap((value) => [
    value,
    JSON.stringify(value).slice(1, -1),
    ...value.split('\n').filter((line) => line.length >= 8),
  ]);
}
