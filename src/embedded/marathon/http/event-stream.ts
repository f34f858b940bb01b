import type { ServerResponse } from 'node:http';
import type { Clock } from '../../../support/clock.ts';
import { HttpError, type HttpRequest, handled } from '../../../support/http-server.ts';
import type { EventBus } from '../events.ts';

export interface EventStreams {
  /** Answers GET /v2/events. @throws HttpError 405 unless the client accepts text/event-stream */
  attach(request: HttpRequest, response: ServerResponse): typeof handled;
  readonly count: number;
  /** Ends every stream, as when leadership is lost. */
  close(): void;
}

const keepAliveMs = 10_000;

/** @param maxOutstanding a subscriber more than this many events behind is dropped */
export function createEventStreams(bus: EventBus, clock: Clock, maxOutstanding: number): EventStreams {
  const streams = new Set<() => void>();
  return {
    attach(request, response) {
      if (!/text\/event-stream/.test(String(request.headers.accept ?? '')))
        throw new HttpError(405, { message: 'Method Not Allowed' });
      const wanted = new Set(request.query.getAll('event_type'));
      const { remoteAddress } = request;
      response.writeHead(200, {
        'Content-Type': 'text/event-stream;charset=utf-8',
        'Cache-Control': 'no-cache, no-store, must-revalidate',
      });
      response.flushHeaders();
      let outstanding = 0;
      const unsubscribe = bus.subscribe((type, json) => {
        if (wanted.size > 0 && !wanted.has(type)) return;
        if (++outstanding > maxOutstanding) return close();
        response.write(`event: ${type}\r\ndata: ${json}\r\n\r\n`, () => outstanding--);
      });
      const stopKeepAlive = clock.every(keepAliveMs, () => response.write('\r\n'));
      const close = () => {
        if (!streams.delete(close)) return;
        unsubscribe();
        stopKeepAlive();
        response.destroy();
        bus.publish({ eventType: 'event_stream_detached', remoteAddress });
      };
      streams.add(close);
      response.once('close', close);
      // The new subscriber sees its own arrival first.
      bus.publish({ eventType: 'event_stream_attached', remoteAddress });
      return handled;
    },
    get count() {
      return streams.size;
    },
    close() {
      for (const close of [...streams]) close();
    },
  };
}
