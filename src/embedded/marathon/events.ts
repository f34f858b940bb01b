import type { MarathonEvent, MarathonEventType } from '../../protocols/marathon/types.ts';
import type { Clock } from '../../support/clock.ts';

type WithoutTimestamp<E> = E extends unknown ? Omit<E, 'timestamp'> : never;

/** An event before it has its time. */
export type EventContent = WithoutTimestamp<MarathonEvent>;

/** @param json the event as one line; made once for all subscribers */
export type EventListener = (type: MarathonEventType, json: string) => void;

export interface EventBus {
  publish(event: EventContent): void;
  /** @returns ends the subscription */
  subscribe(listener: EventListener): () => void;
  readonly published: number;
}

/** Hands every event to every subscriber, in the order of publication and in the same turn. */
export function createEventBus(clock: Clock): EventBus {
  const listeners = new Set<EventListener>();
  let published = 0;
  return {
    publish(event) {
      published++;
      if (listeners.size === 0) return;
      const json = JSON.stringify({ ...event, timestamp: new Date(clock.now()).toISOString() });
      for (const listener of listeners) listener(event.eventType, json);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    get published() {
      return published;
    },
  };
}
