import { join } from 'node:path';
import type { SampleValues } from '../apps/samples.ts';
import type { ClusterPlan, Site } from '../plan/types.ts';
import { packageRoot } from '../support/package-root.ts';

/** The package's templates. */
export const templatesDir = join(packageRoot(), 'templates');

export function sampleValues(plan: ClusterPlan, site: Site): SampleValues {
  return {
    cluster: { name: plan.name, domain: plan.domain },
    node: site.nodeBinary,
    samplesDir: site.samplesDir,
    nodes: plan.nodes.length,
  };
}
