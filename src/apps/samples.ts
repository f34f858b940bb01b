import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GroupInput } from '../clients/marathon.ts';
import { type Json, renderStrings } from './template.ts';

/** What the sample apps' templates are filled with. */
export interface SampleValues {
  cluster: { name: string; domain: string };
  /** Path of the Node.js binary and of the samples' files as tasks see them. */
  node: string;
  samplesDir: string;
  /** How many nodes can take a task each. */
  nodes: number;
}

export const samplesGroup = '/samples';

/** @param templatesDir the package's templates folder */
export async function sampleDefinitions(templatesDir: string, values: SampleValues): Promise<GroupInput> {
  const file = join(templatesDir, 'samples', 'samples.json');
  const parsed = JSON.parse(await readFile(file, 'utf8')) as Json;
  const rendered = renderStrings(parsed, { ...values, marathon: { name: 'marathon' } }, file) as unknown as GroupInput;
  const apps = (rendered.apps as { id: string; instances?: number }[]).map((app) =>
    // One on each node: more could never be placed.
    app.id === 'hello' ? { ...app, instances: Math.min(app.instances ?? 1, values.nodes) } : app,
  );
  return { ...rendered, apps };
}
