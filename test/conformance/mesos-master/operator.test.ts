import { afterEach, describe, expect, it } from 'vitest';
import { golden, goldenFramework, startGoldenCluster, type TestMaster } from './harness.ts';

interface OperatorEvent {
  type: string;
  task_updated?: { state: string; status: object };
}

let master: TestMaster;
afterEach(() => master.stop());

const recorded = golden<{ events: OperatorEvent[] }>('operator/subscribe.decoded.json').events;

/** The names of all fields of an event; lists are not looked into. */
function fields(value: unknown, path = ''): string[] {
  if (Array.isArray(value) || typeof value !== 'object' || value === null) return [];
  return Object.entries(value)
    .flatMap(([key, entry]) => [`${path}.${key}`, ...fields(entry, `${path}.${key}`)])
    .sort();
}

async function begin() {
  const cluster = await startGoldenCluster();
  master = cluster.master;
  const stream = await master.watch();
  const framework = { ...goldenFramework(), failover_timeout: 0 };
  delete framework.id;
  const scheduler = await master.subscribe({ type: 'SUBSCRIBE', subscribe: { framework_info: framework } });
  const offer = await master.until('an offer', () =>
    scheduler.events
      .flatMap((event) => (event.type === 'OFFERS' ? event.offers.offers : []))
      .find(({ hostname }) => hostname === 'node-1'),
  );
  const frameworkId = offer.framework_id;
  const call = (body: object) =>
    master.post('/api/v1/scheduler', { framework_id: frameworkId, ...body }, { 'Mesos-Stream-Id': scheduler.streamId });
  return { ...cluster, stream, scheduler, offer, frameworkId, call };
}

describe('the stream of events', () => {
  it('begins with the state and a heartbeat', async () => {
    const { stream } = await begin();
    expect(stream.events.slice(0, 2).map(({ type }) => type)).toEqual(recorded.slice(0, 2).map(({ type }) => type));
    expect(fields(stream.events[0])).toEqual(fields(recorded[0]));
    await master.until('a heartbeat', () => stream.events.filter(({ type }) => type === 'HEARTBEAT').length > 1, 1000);
  });

  it('tells what happens to frameworks, tasks and agents, in the form of the recorded events', async () => {
    const { stream, offer, agents, call, frameworkId } = await begin();
    const of = (type: string) => master.until(type, () => stream.events.find((event) => event.type === type));
    const like = (type: string) => recorded.find((event) => event.type === type);

    expect(fields(await of('FRAMEWORK_ADDED'))).toEqual(fields(like('FRAMEWORK_ADDED')));

    await call({
      type: 'ACCEPT',
      accept: {
        offer_ids: [offer.id],
        operations: [
          {
            type: 'LAUNCH',
            launch: {
              task_infos: [
                {
                  name: 't',
                  task_id: { value: 't' },
                  agent_id: offer.agent_id,
                  command: { value: 'true' },
                  resources: [{ name: 'cpus', type: 'SCALAR', scalar: { value: 1 } }],
                },
              ],
            },
          },
        ],
      },
    });
    expect(fields(await of('TASK_ADDED'))).toEqual(fields(like('TASK_ADDED')));

    const example = recorded.find((event) => event.task_updated?.state === 'TASK_STARTING')!.task_updated!.status;
    await agents.get('node-1')!.say({
      type: 'UPDATE',
      framework_id: frameworkId,
      status: { ...example, task_id: { value: 't' }, state: 'TASK_STARTING' },
    });
    expect(fields(await of('TASK_UPDATED'))).toEqual(fields(like('TASK_UPDATED')));

    agents.get('node-3')!.close();
    await master.agent({ hostname: 'node-4', ip: '172.31.77.14' });
    expect(await of('AGENT_ADDED')).toMatchObject({
      agent_added: { agent: { agent_info: { hostname: 'node-4' }, active: true, total_resources: [{}, {}, {}, {}] } },
    });

    await call({ type: 'TEARDOWN' });
    expect(fields(await of('FRAMEWORK_REMOVED'))).toEqual(fields(like('FRAMEWORK_REMOVED')));
    const gone = await master.post('/api/v1', {
      type: 'MARK_AGENT_GONE',
      mark_agent_gone: { agent_id: { value: agents.get('node-2')!.id } },
    });
    expect(gone.status).toBe(200);
    expect(await of('AGENT_REMOVED')).toEqual({
      type: 'AGENT_REMOVED',
      agent_removed: { agent_id: { value: agents.get('node-2')!.id } },
    });
  });

  it('tells when a framework comes and goes', async () => {
    const { stream, scheduler } = await begin();
    scheduler.close();
    const updated = await master.until('FRAMEWORK_UPDATED', () =>
      stream.events.find(({ type }) => type === 'FRAMEWORK_UPDATED'),
    );
    expect(updated).toMatchObject({ framework_updated: { framework: { active: false, connected: false } } });
  });
});

describe('operators', () => {
  it('take agents out of the offers and back', async () => {
    const { scheduler, agents } = await begin();
    const agent_id = { value: agents.get('node-1')!.id };
    await master.post('/api/v1', { type: 'DEACTIVATE_AGENT', deactivate_agent: { agent_id } });
    await master.until('RESCIND', () => scheduler.events.some(({ type }) => type === 'RESCIND'));
    const shown = async () =>
      (await master.json<{ slaves: { id: string; active: boolean; deactivated: boolean }[] }>('/state')).slaves.find(
        ({ id }) => id === agent_id.value,
      );
    expect(await shown()).toMatchObject({ active: false, deactivated: true });
    await master.post('/api/v1', { type: 'REACTIVATE_AGENT', reactivate_agent: { agent_id } });
    expect(await shown()).toMatchObject({ active: true, deactivated: false });
  });

  it('tear frameworks down, by the API and by the form', async () => {
    const { scheduler, frameworkId } = await begin();
    const form = await master.request('/teardown', { method: 'POST', body: `frameworkId=${frameworkId.value}` });
    expect(form.status).toBe(200);
    await master.until('the end of the stream', () => scheduler.ended);
    const again = await master.post('/api/v1', { type: 'TEARDOWN', teardown: { framework_id: frameworkId } });
    expect([again.status, again.body.toString()]).toEqual([400, 'No framework found with specified ID']);
  });

  it('are told what this master does not do', async () => {
    await begin();
    const reply = await master.post('/api/v1', { type: 'UPDATE_QUOTA', update_quota: {} });
    expect(reply.status).toBe(501);
  });
});
