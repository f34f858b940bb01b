import type { Cancel, Clock } from '../../../support/clock.ts';
import { type Engine, type EngineEvent, linesOf } from './engine.ts';

/** Tells of changes of containers by the engine's stream of events: one connection for all of an agent's. */
export interface ContainerWatch {
  /**
   * Calls back when something has happened to the container, and whenever something may have been missed: after the
   * stream has begun (again).
   * @param onEvent the event's name, undefined when something may have been missed
   */
  watch(container: string, onEvent: (action: string | undefined) => void): Cancel;
  close(): void;
}

const actions = ['start', 'die', 'oom', 'destroy'];
const firstPauseMs = 100;
const longestPauseMs = 1000;

/** @param labels that all containers of this agent have; the stream stands only while something is watched */
export function createContainerWatch(
  engine: Engine,
  labels: Readonly<Record<string, string>>,
  clock: Clock,
): ContainerWatch {
  const watchers = new Map<string, Set<(action: string | undefined) => void>>();
  let stream: AbortController | undefined;
  let cancelAgain: Cancel | undefined;
  let pauseMs = firstPauseMs;

  const follow = async (signal: AbortSignal): Promise<void> => {
    const events = await engine.events(labels, actions, signal);
    pauseMs = firstPauseMs;
    for (const set of [...watchers.values()]) for (const tell of [...set]) tell(undefined);
    for await (const line of linesOf(events)) {
      const { Action, Actor } = JSON.parse(line) as EngineEvent;
      for (const tell of [...(watchers.get(Actor.ID) ?? [])]) tell(Action);
    }
  };

  const open = () => {
    cancelAgain = undefined;
    const own = new AbortController();
    stream = own;
    void follow(own.signal)
      .catch(() => {})
      .then(() => {
        if (stream !== own) return;
        stream = undefined;
        if (watchers.size === 0) return;
        cancelAgain = clock.after(pauseMs, open);
        pauseMs = Math.min(2 * pauseMs, longestPauseMs);
      });
  };

  const close = () => {
    cancelAgain?.();
    cancelAgain = undefined;
    const own = stream;
    stream = undefined;
    own?.abort(new Error('nothing is watched any more'));
  };

  return {
    watch(container, onEvent) {
      const set = watchers.get(container) ?? new Set();
      watchers.set(container, set.add(onEvent));
      if (!stream && !cancelAgain) open();
      return () => {
        set.delete(onEvent);
        if (set.size === 0 && watchers.get(container) === set) watchers.delete(container);
        if (watchers.size === 0) close();
      };
    },
    close() {
      watchers.clear();
      close();
    },
  };
}
