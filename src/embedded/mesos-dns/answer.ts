import type { MesosDnsConfig } from './config.ts';
import type { Records } from './generator.ts';
import { type Answer, type Question, type ResourceRecord, rcodes, types } from './packet.ts';

/** What is served at the moment. */
export interface Zone {
  config: MesosDnsConfig;
  records: Records;
  /** Unix time of the last reload, seconds. */
  serial: number;
}

/** Whether a name lies in a zone; both without regard to case or a final dot. */
export function isWithin(name: string, zone: string): boolean {
  const plain = name.toLowerCase().replace(/\.$/, '');
  return plain === zone || plain.endsWith(`.${zone}`);
}

/** Wildcards inside a name mean nothing: `_web.*.mesos` asks for `_web.mesos`. With final dot, lower case. */
export function recordName(asked: string): string {
  const plain = asked.toLowerCase().replaceAll('.*', '');
  return plain.endsWith('.') ? plain : `${plain}.`;
}

/** The answer to a question about our own domain. `random` shuffles. Source: what the real Mesos-DNS answers. */
export function answerQuestion({ name: asked, type }: Question, zone: Zone, random: () => number): Answer {
  const { config, records, serial } = zone;
  const name = recordName(asked);
  const ttl = config.TTL;
  const answer: Answer = {
    rcode: rcodes.ok,
    authoritative: true,
    recursionAvailable: config.RecurseOn,
    answers: [],
    authorities: [],
    additionals: [],
  };
  const soa = (): ResourceRecord => ({
    type: 'SOA',
    name: asked,
    ttl,
    mname: config.SOAMname,
    rname: config.SOARname,
    serial,
    refresh: config.SOARefresh,
    retry: config.SOARetry,
    expire: config.SOAExpire,
    minimum: ttl,
  });
  const ns = (): ResourceRecord => ({ type: 'NS', name: asked, ttl, target: config.SOAMname });
  const addresses = (kind: 'A' | 'AAAA') => {
    for (const address of records[kind].get(name) ?? []) answer.answers.push({ type: kind, name, ttl, address });
  };
  const services = () => {
    const targets = new Set<string>();
    for (const value of records.SRV.get(name) ?? []) {
      const { target, port } = splitTarget(value);
      targets.add(target);
      answer.answers.push({ type: 'SRV', name: asked, ttl, weight: config.SRVRecordDefaultWeight, port, target });
    }
    for (const target of targets)
      for (const kind of ['A', 'AAAA'] as const) {
        const address = pick(records[kind].get(target), random);
        if (address) answer.additionals.push({ type: kind, name: target, ttl, address });
      }
  };
  switch (type) {
    case types.A:
      addresses('A');
      break;
    case types.AAAA:
      addresses('AAAA');
      break;
    case types.SRV:
      services();
      break;
    case types.ANY:
      services();
      addresses('A');
      addresses('AAAA');
      answer.authorities.push(soa(), ns());
      break;
    case types.SOA:
      answer.authorities.push(soa());
      break;
    case types.NS:
      answer.authorities.push(ns());
      break;
  }
  shuffle(answer.answers, random);
  if (answer.answers.length > 0 || type === types.SOA || type === types.NS || type === types.SRV) return answer;
  const known = records.A.has(name) || records.AAAA.has(name) || records.SRV.has(name);
  if (!known) answer.rcode = rcodes.nameError;
  // For ANY it is there already, and is given twice.
  answer.authorities.push(soa());
  return answer;
}

/** `leader.mesos.:5050` → target and port. */
export function splitTarget(value: string): { target: string; port: number } {
  const colon = value.lastIndexOf(':');
  return { target: value.slice(0, colon), port: Number(value.slice(colon + 1)) };
}

function pick(values: ReadonlySet<string> | undefined, random: () => number): string | undefined {
  if (!values || values.size === 0) return undefined;
  return [...values][Math.min(Math.floor(random() * values.size), values.size - 1)];
}

function shuffle<T>(items: T[], random: () => number): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.min(i, Math.floor(random() * (i + 1)));
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
}
