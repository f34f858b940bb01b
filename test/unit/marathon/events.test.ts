import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { createEventBus } from '../../../src/embedded/marathon/events.ts';
import { createEventStreams } from '../../../src/embedded/marathon/http/event-stream.ts';
import type { HttpRequest } from '../../../src/support/http-server.ts';
import { createManualClock } from '../../support/manual-clock.ts';

/** A subscriber's connection that takes bytes only while `reads`. */
function connection() {
  const waiting: (() => void)[] = [];
  const response = Object.assign(new EventEmitter(), {
    text: '',
    reads: true,
    destroyed: false,
    writeHead: () => response,
    flushHeaders: () => {},
    write(chunk: string, done?: () => void) {
      response.text += chunk;
      if (done) response.reads ? done() : waiting.push(done);
      return response.reads;
    },
    destroy() {
      response.destroyed = true;
    },
  });
  return response;
}

function subscribe(maxOutstanding = 3, query = '') {
  const clock = createManualClock();
  const bus = createEventBus(clock);
  const streams = createEventStreams(bus, clock, maxOutstanding);
  const response = connection();
  const request = {
    headers: { accept: 'text/event-stream' },
    query: new URLSearchParams(query),
    remoteAddress: '127.0.0.1',
  } as unknown as HttpRequest;
  streams.attach(request, response as unknown as ServerResponse);
  const publish = () => bus.publish({ eventType: 'app_terminated_event', appId: '/a' });
  return { clock, bus, streams, response, publish };
}

test('a silent stream is kept alive', () => {
  const { clock, response } = subscribe();
  response.text = '';
  clock.advance(9_999);
  expect(response.text).toBe('');
  clock.advance(10_001);
  expect(response.text).toBe('\r\n\r\n');
});

test('a subscriber that is too far behind is dropped, and its leaving is told', () => {
  const { bus, response, publish, streams, clock } = subscribe();
  const types: string[] = [];
  bus.subscribe((type) => types.push(type));
  response.reads = false;
  for (let i = 0; i < 3; i++) publish();
  expect(response.destroyed).toBe(false);
  publish();
  expect(response.destroyed).toBe(true);
  expect(types).toContain('event_stream_detached');
  expect(streams.count).toBe(0);
  expect(clock.timers).toBe(0);
});

test('a subscriber that reads may hear of any number', () => {
  const { response, publish, streams } = subscribe();
  for (let i = 0; i < 100; i++) publish();
  expect(response.text.match(/event: app_terminated_event\r\n/g)).toHaveLength(100);
  expect(streams.count).toBe(1);
});

test('what a filter leaves out does not count', () => {
  const { response, publish, streams } = subscribe(3, 'event_type=deployment_info');
  response.reads = false;
  for (let i = 0; i < 100; i++) publish();
  expect(streams.count).toBe(1);
  expect(response.text).toBe('');
});
