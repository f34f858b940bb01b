import { scalarOf } from '../../../protocols/mesos/resources.ts';
import type { MasterInfo } from '../../../protocols/mesos/types.ts';
import { versionInfo } from '../../../protocols/mesos/version-info.ts';
import type { Cluster, Task } from '../core/model.ts';
import type { MasterFacts } from './identity.ts';

const shownTasks = 200;

/** The page at `/`: what runs, for a reader in a hurry; everything else is in the JSON it links to. */
export function overviewPage(cluster: Cluster | undefined, facts: MasterFacts, leader: MasterInfo | undefined): string {
  const body = cluster ? leaderBody(cluster) : followerBody(leader);
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Mesos</title><meta http-equiv="refresh" content="5">
<style>body{font:14px system-ui,sans-serif;margin:2em}table{border-collapse:collapse;margin-bottom:2em}
th,td{text-align:left;padding:.25em 1em .25em 0;border-bottom:1px solid #ddd}</style></head>
<body><h1>${html(facts.cluster ?? 'Mesos')}</h1><p>Mesos ${html(versionInfo.version)}</p>${body}
<p><a href="/state">state</a> · <a href="/metrics/snapshot">metrics</a> · <a href="/flags">flags</a></p></body></html>
`;
}

function followerBody(leader: MasterInfo | undefined): string {
  if (!leader) return '<p>No master is elected.</p>';
  const url = `//${leader.hostname ?? leader.address?.ip}:${leader.port}/`;
  return `<p>This master doesn't lead; <a href="${html(url)}">${html(url.slice(2, -1))}</a> does.</p>`;
}

function leaderBody(cluster: Cluster): string {
  const agents = [...cluster.agents.values()].map((agent) => [
    agent.id,
    agent.info.hostname,
    agent.active ? 'active' : 'inactive',
    `${scalarOf(agent.used, 'cpus')} of ${scalarOf(agent.total, 'cpus')}`,
    `${scalarOf(agent.used, 'mem')} of ${scalarOf(agent.total, 'mem')}`,
    String(agent.tasks.size),
  ]);
  const frameworks = [...cluster.frameworks.values()].map((framework) => [
    framework.id,
    framework.info.name,
    framework.active ? 'active' : 'inactive',
    String(framework.tasks.size),
  ]);
  const host = (task: Task) => cluster.agents.get(task.agentId)?.info.hostname ?? '';
  const tasks = [...cluster.frameworks.values()]
    .flatMap((framework) => [...framework.tasks.values()])
    .slice(0, shownTasks)
    .map((task) => [task.id, task.info.name, task.state.replace('TASK_', '').toLowerCase(), host(task)]);
  return [
    table('Agents', ['id', 'host', 'state', 'cpus', 'mem', 'tasks'], agents),
    table('Frameworks', ['id', 'name', 'state', 'tasks'], frameworks),
    table('Tasks', ['id', 'name', 'state', 'host'], tasks),
  ].join('');
}

function table(title: string, heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${html(cell)}</${tag}>`).join('')}</tr>`;
  return `<h2>${html(title)}</h2><table>${row(heads, 'th')}${rows.map((cells) => row(cells, 'td')).join('')}</table>`;
}

function html(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
