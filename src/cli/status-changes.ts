import type { NodeReport, StatusDocument } from '../cluster/status.ts';

/** What became different between two looks at a cluster, a short sentence each. */
export function statusChanges(before: StatusDocument, after: StatusDocument): string[] {
  const changes: string[] = [];
  const compare = (what: string, old: string | number | null | undefined, now: string | number | null | undefined) => {
    if (old !== now) changes.push(`${what}: ${old ?? 'none'} → ${now ?? 'none'}`);
  };
  compare(`cluster ${after.name}`, before.state, after.state);
  const nodes = new Map(before.nodes.map((node) => [node.name, node]));
  for (const node of after.nodes) changes.push(...nodeChanges(nodes.get(node.name), node));
  for (const { name } of before.nodes)
    if (!after.nodes.some((node) => node.name === name)) changes.push(`${name}: gone`);
  if (before.nodes.length > 0 && after.nodes.length > 0) {
    compare('leading master', before.mesos?.leader, after.mesos?.leader);
    compare('leading Marathon', before.marathon?.leader, after.marathon?.leader);
    compare('agents', before.mesos?.agents, after.mesos?.agents);
    compare('tasks running', before.mesos?.tasksRunning, after.mesos?.tasksRunning);
    compare('apps', before.marathon?.apps, after.marathon?.apps);
    compare('deployments', before.marathon?.deployments, after.marathon?.deployments);
  }
  return changes;
}

function nodeChanges(before: NodeReport | undefined, after: NodeReport): string[] {
  if (!before) return [`${after.name}: ${after.state}`];
  const changes = before.state === after.state ? [] : [`${after.name}: ${before.state} → ${after.state}`];
  // What becomes of the services of a node that stops or fails goes without saying.
  if (after.state !== 'running' || before.state !== 'running') return changes;
  for (const service of after.services) {
    const old = before.services.find(({ component }) => component === service.component);
    if (old && old.ready !== service.ready)
      changes.push(
        `${after.name}/${service.component}: ${service.ready ? 'ready' : `not ready${service.reason ? `, ${service.reason}` : ''}`}`,
      );
  }
  return changes;
}
