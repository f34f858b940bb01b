import { join } from 'node:path';
import type { ClusterPlan } from '../../../src/plan/types.ts';
import { statePaths } from '../../../src/runtime/paths.ts';
import { createProcessRuntime } from '../../../src/runtime/process/index.ts';
import { DevclusterError } from '../../../src/support/errors.ts';
import { siteRequest } from '../../unit/runtime/sites.ts';
import { fakePlan } from './plan.ts';

/**
 * The process runtime in a process of its own, for tests as another user: `up` and `down` of a cluster of fake
 * services. Prints one JSON document: the plan, or the error.
 */
const [action, cluster, settings] = process.argv.slice(2) as [string, string, string];
const { stateHome, script, addresses, ports, claimsFolder, standardPorts } = JSON.parse(settings);
const runtime = createProcessRuntime({
  paths: statePaths({ XDG_STATE_HOME: stateHome }),
  hostScript: script,
  samplesDir: '/',
  claimsFolder,
  ...(standardPorts ? { standardPorts } : {}),
});

async function up(): Promise<ClusterPlan> {
  const site = await runtime.reserve(siteRequest(cluster, { addresses: addresses ?? 'auto', ports: ports ?? {} }));
  const plan = fakePlan(cluster, site);
  const abort = new AbortController();
  const ready = new Promise<void>((resolve, reject) => {
    let count = 0;
    runtime.watch(
      plan,
      (event) => {
        if (event.type === 'service-ready') count++;
        else reject(new Error(JSON.stringify(event)));
        if (count === 15) resolve();
      },
      abort.signal,
    );
  });
  for (const node of plan.nodes) await runtime.start(plan, node.units[0]!);
  await ready;
  abort.abort();
  return Object.assign(plan, { remarks: site.remarks, folder: join(stateHome, 'devcluster', cluster) });
}

try {
  const result = action === 'up' ? await up() : await runtime.remove(cluster, { keepData: false });
  console.log(JSON.stringify(result ?? {}));
} catch (error) {
  const { kind, code, message, hint } = error as DevclusterError;
  console.log(
    JSON.stringify({ error: error instanceof DevclusterError ? { kind, code, message, hint } : String(error) }),
  );
}
