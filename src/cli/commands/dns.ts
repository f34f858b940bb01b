import type { RecordType } from 'dns-packet';
import { askDns } from '../../clients/dns.ts';
import { DevclusterError, exitCodes } from '../../support/errors.ts';
import { openCluster } from '../open-cluster.ts';
import { argument, type CommandContext } from '../spec.ts';
import { formatTable } from '../table.ts';

/** ANY is a type of questions only, which dns-packet's types leave out. */
const types: readonly RecordType[] = [
  'A',
  'AAAA',
  'SRV',
  'TXT',
  'NS',
  'SOA',
  'MX',
  'CNAME',
  'PTR',
  'ANY' as RecordType,
];

/** `dns NAME [TYPE]`: asks the first Mesos-DNS that answers. */
export async function run(context: CommandContext): Promise<number> {
  const { plan } = await openCluster(context);
  const name = (argument(context, 'name') ?? '').replace(/\.$/, '');
  const asked = (argument(context, 'type') ?? 'A').toUpperCase();
  const type = types.find((known) => known === asked);
  if (!type)
    throw new DevclusterError('usage', 'USAGE', `'${asked}' is no type of DNS record`, {
      hint: `Types: ${types.join(', ')}.`,
    });
  if (name.length > 253 || name.split('.').some((label) => label === '' || label.length > 63))
    throw new DevclusterError('usage', 'USAGE', `'${name}' is no DNS name`, {
      hint: 'For instance: devcluster dns web.shop.samples.marathon.mesos',
    });
  const reply = await askFirst(plan.endpoints.dns, name, type);
  const rows = [...reply.answers, ...reply.authorities].map((answer) => [
    answer.name,
    'ttl' in answer ? String(answer.ttl ?? 0) : '',
    answer.type,
    'data' in answer ? describeData(answer.data) : '',
  ]);
  const text = reply.rcode === 'NOERROR' && rows.length > 0 ? formatTable(rows) : `${reply.rcode}: ${name} ${type}`;
  const { rcode, answers, authorities, additionals } = reply;
  context.output.result({ name, type, rcode, answers, authorities, additionals }, text);
  return reply.answers.length > 0 ? exitCodes.ok : exitCodes.notFound;
}

async function askFirst(servers: readonly string[], name: string, type: RecordType) {
  let failure: unknown;
  for (const server of servers) {
    const colon = server.lastIndexOf(':');
    try {
      return await askDns({ host: server.slice(0, colon), port: Number(server.slice(colon + 1)) }, name, type);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function describeData(data: unknown): string {
  if (typeof data === 'string') return data;
  if (data !== null && typeof data === 'object' && 'target' in data) {
    const { priority, weight, port, target } = data as Record<string, unknown>;
    return `${String(priority)} ${String(weight)} ${String(port)} ${String(target)}`;
  }
  return JSON.stringify(data);
}
