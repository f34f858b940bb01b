import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromJson, JsonFormError, parseJsonBody } from '../../../src/protocols/mesos/json-form.ts';
import { fromProtobuf, ProtobufError, toProtobuf } from '../../../src/protocols/mesos/protobuf-form.ts';
import type { SchedulerCall, TaskInfo } from '../../../src/protocols/mesos/types.ts';

describe('the JSON form of a message', () => {
  it('fills in the defaults that the protocol declares', () => {
    expect(
      fromJson<TaskInfo>('TaskInfo', {
        name: 't',
        task_id: { value: 't' },
        agent_id: { value: 's' },
        command: { value: 'true', uris: [{ value: 'http://a' }] },
        health_check: { type: 'HTTP', http: { port: 80 } },
      }),
    ).toEqual({
      name: 't',
      task_id: { value: 't' },
      agent_id: { value: 's' },
      command: { value: 'true', shell: true, uris: [{ value: 'http://a', extract: true }] },
      health_check: {
        type: 'HTTP',
        http: { port: 80, protocol: 'IPv4' },
        delay_seconds: 15,
        interval_seconds: 10,
        timeout_seconds: 20,
        consecutive_failures: 3,
        grace_period_seconds: 10,
      },
    });
  });

  it('drops unknown fields, takes numbers as text and enums by number', () => {
    expect(fromJson('Resource', { name: 'cpus', type: 0, scalar: { value: '1.5' }, color: 'red', role: null })).toEqual(
      { name: 'cpus', type: 'SCALAR', scalar: { value: 1.5 } },
    );
  });

  it('takes unknown enum names for unset where the enum has an UNKNOWN, and refuses them elsewhere', () => {
    expect(fromJson('scheduler.Call', { type: 'NEWS' })).toEqual({});
    expect(() => fromJson('Resource', { name: 'x', type: 'NEWS' })).toThrow("Failed to find enum for 'NEWS'");
  });

  it('has lists that readers rely on', () => {
    expect(fromJson('scheduler.Call', { type: 'ACCEPT', accept: {} })).toEqual({
      type: 'ACCEPT',
      accept: { offer_ids: [] },
    });
  });

  it('names every missing field with its place', () => {
    expect(() => fromJson('scheduler.Call', { type: 'KILL', kill: { agent_id: {} } })).toThrow(
      'Missing required fields: kill.task_id, kill.agent_id.value',
    );
  });

  it.each([
    [{ type: 5.5 }, "Not expecting a JSON number for field 'type'"],
    [{ accept: [] }, "Not expecting a JSON array for field 'accept'"],
    [{ framework_id: { value: {} } }, "Not expecting a JSON object for field 'value'"],
    [{ revive: { roles: [1] } }, "Not expecting a JSON number for field 'roles'"],
    [{ accept: { filters: { refuse_seconds: 'soon' } } }, "Not expecting a JSON string for field 'refuse_seconds'"],
  ])('refuses %j', (json, message) => {
    expect(() => fromJson('scheduler.Call', json)).toThrow(message);
  });

  it('is never anything but read or refused', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        for (const wrapped of [
          json,
          { subscribe: json },
          { accept: { operations: [json] } },
          { kill: { task_id: json } },
        ])
          try {
            fromJson('scheduler.Call', wrapped);
          } catch (error) {
            expect(error).toBeInstanceOf(JsonFormError);
          }
      }),
    );
  });

  it('tells where JSON is broken as the real master does', () => {
    expect(() => parseJsonBody('{bad')).toThrow('syntax error at line 1 near: bad');
    expect(() => parseJsonBody('')).toThrow('syntax error at line 1 near: ');
  });
});

/** Encoded by protobuf.js from the .proto files of Apache Mesos. */
const vectors: [string, string, object][] = [
  [
    'scheduler.Call',
    '0a030a01661008421c0a030a016112030a01741a10000102030405060708090a0b0c0d0e0f',
    {
      framework_id: { value: 'f' },
      type: 'ACKNOWLEDGE',
      acknowledge: { agent_id: { value: 'a' }, task_id: { value: 't' }, uuid: 'AAECAwQFBgcICQoLDA0ODw==' },
    },
  ],
  [
    'scheduler.Event',
    '08063a150a030a016112030a016518f7ffffffffffffffff01',
    { type: 'FAILURE', failure: { agent_id: { value: 'a' }, executor_id: { value: 'e' }, status: -9 } },
  ],
  [
    'scheduler.Call',
    '0a030a016610042a170a040a026f310a040a026f321209090000000000000440',
    {
      framework_id: { value: 'f' },
      type: 'DECLINE',
      decline: { offer_ids: [{ value: 'o1' }, { value: 'o2' }], filters: { refuse_seconds: 2.5 } },
    },
  ],
];

describe('the protobuf form of a message', () => {
  it.each(vectors)('%s %s', (name, hex, message) => {
    expect(fromProtobuf(name, Buffer.from(hex, 'hex'))).toEqual(message);
    expect(toProtobuf(name, message).toString('hex')).toBe(hex);
  });

  it('says the same as the JSON form, for everything that was recorded', () => {
    const folder = new URL('../../fixtures/golden/mesos-master/scheduler/', import.meta.url);
    let count = 0;
    for (const file of readdirSync(folder)) {
      type Line = { body?: { type?: string; reconcile?: object }; event?: object };
      for (const { body, event } of JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Line[]) {
        for (const [name, json] of [
          ['scheduler.Call', body],
          ['scheduler.Event', event],
        ] as const) {
          // An empty list is no different from none in protobuf.
          if (!json || JSON.stringify(json).includes('[]')) continue;
          const message = fromJson<object>(name, json);
          expect(fromProtobuf(name, toProtobuf(name, message))).toEqual(message);
          count++;
        }
      }
    }
    expect(count).toBeGreaterThan(300);
  });

  it('keeps maps, packed lists and unknown fields apart', () => {
    const task = {
      name: 't',
      task_id: { value: 't' },
      agent_id: { value: 's' },
      limits: { cpus: { value: 1 }, __proto__: { value: 2 } },
    };
    expect(fromProtobuf<TaskInfo>('TaskInfo', toProtobuf('TaskInfo', task)).limits).toEqual({ cpus: { value: 1 } });
    // HTTPCheckInfo{port: 80, statuses: [200, 201] packed, field 99: "x"}
    const packed = Buffer.from('0850 2204c801c901 9a060178'.replaceAll(' ', ''), 'hex');
    expect(fromProtobuf('HealthCheck.HTTPCheckInfo', packed)).toEqual({
      protocol: 'IPv4',
      port: 80,
      statuses: [200, 201],
    });
  });

  it('is never anything but read or refused', () => {
    const call = toProtobuf('scheduler.Call', vectors[2]![2]);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(call.length), (noise, at) => {
        for (const bytes of [noise, Buffer.concat([call.subarray(0, at), Buffer.from(noise)])])
          try {
            fromProtobuf<SchedulerCall>('scheduler.Call', Buffer.from(bytes));
          } catch (error) {
            expect(error).toBeInstanceOf(ProtobufError);
          }
      }),
    );
  });
});
