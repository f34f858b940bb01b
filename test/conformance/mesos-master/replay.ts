import type { Resource, SchedulerCall, SchedulerEvent } from '../../../src/protocols/mesos/types.ts';
import { type FakeAgent, type FakeScheduler, goldenAgents, goldenMaster, type TestMaster } from './harness.ts';

/** One line of a recorded exchange of a scheduler with the real master. */
export interface Recorded {
  t: number;
  dir: 'request' | 'response' | 'call' | 'event' | 'stream-closed' | 'note';
  request?: string[];
  response?: string[];
  body?: SchedulerCall;
  response_body?: string;
  event?: SchedulerEvent;
  how?: string;
}

/** What one recorded line became here. */
export interface Replayed {
  recorded: Recorded;
  expected: unknown;
  actual: unknown;
}

/**
 * Plays recorded schedulers against a master: sends their calls, with ids replaced by today's, has the agents report
 * what they reported then, and waits for every event. Offers are compared when they are the first ones; later ones
 * depend on time, so only those that a call names are waited for.
 * @param recordings by the name of the scheduler; of several, the lines are played in the order of their times
 * @param frameworkIds golden → today's, for recordings that go on with the frameworks of others
 */
export async function replay(
  master: TestMaster,
  agents: ReadonlyMap<string, FakeAgent>,
  recordings: Readonly<Record<string, readonly Recorded[]>>,
  frameworkIds: Map<string, string> = new Map(),
): Promise<Replayed[]> {
  const lines = Object.entries(recordings)
    .flatMap(([client, list]) => list.map((recorded, index) => ({ client, recorded, index })))
    .sort((a, b) => a.recorded.t - b.recorded.t || a.index - b.index);
  const schedulers = new Map<string, FakeScheduler>();
  /** How many events of each scheduler were matched, by type. */
  const seen = new Map<string, number>();
  const offers = new Map<string, { agentId: string; id: string | undefined }>();
  const used = new Set<string>();
  const { id: masterId } = await master.json<{ id: string }>('/state');
  const results: Replayed[] = [];
  const unanswered: (() => Promise<void>)[] = [];

  /** Golden ids → today's. */
  const today = <T>(value: T): T => {
    let text = JSON.stringify(value);
    for (const [then, now] of frameworkIds) text = text.replaceAll(`"${then}"`, `"${now}"`);
    for (const agent of agents.values()) text = text.replaceAll(goldenAgents[agent.hostname]!, agent.id);
    return JSON.parse(text) as T;
  };
  /** Today's ids → golden ones, and everything that differs with the day → nothing. */
  const then = (value: unknown): unknown => {
    let text = JSON.stringify(value) ?? 'null';
    for (const [golden, now] of frameworkIds) text = text.replaceAll(now, golden);
    for (const agent of agents.values()) text = text.replaceAll(agent.id, goldenAgents[agent.hostname]!);
    return withoutTheDay(JSON.parse(text.replaceAll(masterId, goldenMaster)));
  };

  const nextEvent = (client: string, wanted: SchedulerEvent) => {
    const kind = kindOf(wanted);
    const key = `${client} ${kind}`;
    const index = seen.get(key) ?? 0;
    seen.set(key, index + 1);
    return master.until(
      `${kind} for ${client}`,
      () => schedulers.get(client)!.events.filter((event) => kindOf(event) === kind)[index],
      wanted.type === 'HEARTBEAT' ? 1000 : 50,
    );
  };

  const expectEvent = async (client: string, recorded: Recorded) => {
    const event = recorded.event!;
    const actual = await nextEvent(client, event);
    if (actual.type === 'SUBSCRIBED' && event.type === 'SUBSCRIBED')
      frameworkIds.set(event.subscribed.framework_id.value, actual.subscribed.framework_id.value);
    results.push({ recorded, expected: withoutTheDay(event), actual: then(actual) });
  };

  /** Has the agent say what the real one's executor said. */
  const prompt = async (event: SchedulerEvent) => {
    const { value: frameworkId } = { value: [...frameworkIds.values()].at(-1)! };
    if (event.type === 'UPDATE' && event.update.status.uuid !== undefined) {
      const { agent_id, ...status } = today(event.update.status);
      const agent = [...agents.values()].find(({ id }) => id === agent_id!.value)!;
      await agent.say({ type: 'UPDATE', framework_id: { value: frameworkId }, status });
      return true;
    }
    if (event.type === 'FAILURE' && event.failure.executor_id) {
      const { agent_id, executor_id, status } = today(event.failure);
      const agent = [...agents.values()].find(({ id }) => id === agent_id!.value)!;
      await agent.say({
        type: 'EXECUTOR_EXITED',
        framework_id: { value: frameworkId },
        executor_id: executor_id!,
        status: status!,
      });
      return true;
    }
    return false;
  };

  /** Today's id of a recorded offer: the open offer of the same agent, which has enough for what follows. */
  const offerId = async (client: string, golden: string): Promise<string> => {
    const offer = offers.get(golden);
    if (!offer) return golden;
    offer.id ??= await master.until(`an offer like ${golden}`, () => {
      const open = schedulers
        .get(client)!
        .events.flatMap((event) => (event.type === 'OFFERS' ? event.offers.offers : []))
        .filter(({ id, agent_id }) => agent_id.value === offer.agentId && !used.has(id.value));
      return open.at(-1)?.id.value;
    });
    used.add(offer.id);
    return offer.id;
  };

  const sendCall = async (client: string, recorded: Recorded) => {
    const body = today(recorded.body!);
    for (const ids of [body.accept?.offer_ids, body.decline?.offer_ids])
      for (const id of ids ?? []) id.value = await offerId(client, id.value);
    const reply = await master.post('/api/v1/scheduler', body, {
      'Mesos-Stream-Id': schedulers.get(client)!.streamId,
    });
    results.push({
      recorded,
      expected: [Number(recorded.response![0]!.split(' ')[1]), withoutStreamId(recorded.response_body)],
      actual: [reply.status, withoutStreamId(String(then(reply.body.toString())))],
    });
  };

  for (const { client, recorded } of lines) {
    switch (recorded.dir) {
      case 'request':
        schedulers.set(client, await master.subscribe(today(recorded.body)));
        for (const key of seen.keys()) if (key.startsWith(`${client} `)) seen.delete(key);
        break;
      case 'response': {
        const scheduler = schedulers.get(client)!;
        const header = (name: string) =>
          recorded.response!.find((line) => line.toLowerCase().startsWith(`${name}:`))?.split(': ')[1];
        results.push({
          recorded,
          expected: [
            Number(recorded.response![0]!.split(' ')[1]),
            header('content-type'),
            header('transfer-encoding'),
            36,
          ],
          actual: [
            scheduler.status,
            scheduler.headers['content-type'],
            scheduler.headers['transfer-encoding'],
            scheduler.streamId.length,
          ],
        });
        break;
      }
      case 'event': {
        const event = recorded.event!;
        if (event.type === 'OFFERS') {
          const isFirst = ![...offers.keys()].some((id) => offers.get(id) && id);
          for (const { id, agent_id } of event.offers.offers)
            offers.set(id.value, { agentId: today(agent_id.value), id: undefined });
          if (isFirst) await expectEvent(client, recorded);
        } else if (await prompt(event)) await expectEvent(client, recorded);
        else if (['SUBSCRIBED', 'HEARTBEAT'].includes(event.type)) await expectEvent(client, recorded);
        // Others follow from a call, which was recorded when its answer was there: perhaps after the event.
        else unanswered.push(() => expectEvent(client, recorded));
        break;
      }
      case 'call':
        await sendCall(client, recorded);
        for (const expected of unanswered.splice(0)) await expected();
        break;
      case 'stream-closed':
        if (recorded.how === 'zero chunk')
          unanswered.push(async () => {
            const scheduler = schedulers.get(client)!;
            await master.until(`the end of the stream of ${client}`, () => scheduler.ended);
          });
        else {
          schedulers.get(client)!.close();
          await disconnected(master, [...frameworkIds.values()].at(-1)!);
        }
        break;
      case 'note':
        break;
    }
  }
  for (const expected of unanswered.splice(0)) await expected();
  return results;
}

/** Statuses of different tasks come in no order. */
function kindOf(event: SchedulerEvent): string {
  return event.type === 'UPDATE' ? `UPDATE of ${event.update.status.task_id.value}` : event.type;
}

async function disconnected(master: TestMaster, frameworkId: string): Promise<void> {
  type Listed = { id: string; connected: boolean };
  for (;;) {
    const { frameworks } = await master.json<{ frameworks: Listed[] }>('/frameworks');
    if (!frameworks.some(({ id, connected }) => id === frameworkId && connected)) break;
  }
  // A failover timeout of nothing is over as soon as time moves.
  master.clock.advance(1);
}

function withoutStreamId(text: string | undefined): string {
  return (text ?? '').replace(/The stream ID '[^']*'/, "The stream ID '…'");
}

/** Replaces what differs from one run to the next: times, offer numbers, the version. */
function withoutTheDay(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (key, entry: unknown) => {
    if (key === 'timestamp' || key === 'version') return `(${key})`;
    if (typeof entry === 'string') return entry.replace(/-O\d+/g, '-O#');
    if (Array.isArray(entry)) {
      const list: unknown[] = entry;
      if (key === 'offers') return list.sort(by((offer) => (offer as { hostname: string }).hostname));
      if (key === 'resources')
        return list.sort(by((resource) => JSON.stringify([(resource as Resource).name, resource])));
    }
    return entry;
  });
}

function by(text: (entry: unknown) => string) {
  return (a: unknown, b: unknown) => (text(a) < text(b) ? -1 : 1);
}
