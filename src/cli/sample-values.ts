import { fileURLToPath } from 'node:url';
import type { SampleValues } from '../apps/samples.ts';
import type { ClusterPlan, Site } from '../plan/types.ts';

/** The package's templates; this file is bundled into dist/, beside which they lie. */
export const templatesDir = fileURLToPath(
  new URL(import.meta.url.includes('/dist/chunks/') ? '../../templates' : '../templates', import.meta.url),
);

export function sampleValues(plan: ClusterPlan, site: Site): SampleValues {
  return {
    cluster: { name: plan.name, domain: plan.domain },
    node: site.nodeBinary,
    samplesDir: site.samplesDir,
    nodes: plan.nodes.length,
  };
}
