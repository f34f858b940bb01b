import type { Cancel, Clock } from '../../support/clock.ts';
import type { Logger } from '../../support/logger.ts';
import { type Check, integer, literal, object, optional, text } from './model/json-check.ts';
import type { Result } from './model/problem.ts';
import { checked } from './model/schema-parts.ts';

/** Levels of log messages that can be changed while Marathon runs. Source: api/SystemResource.scala of Marathon. */

export type LoggerLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';

export interface LoggerChange {
  readonly level: LoggerLevel;
  readonly logger: string;
  readonly durationSeconds?: number;
}

export interface Loggers {
  /** What Marathon logs with; its name here is `mesosphere.marathon`. */
  readonly log: Logger;
  /** By name: `INFO`, or `INFO (inherited)` where the level is that of the logger above. */
  levels(): Record<string, string>;
  /** @param seconds after which the level is as it was; undefined: it stays */
  change(name: string, level: LoggerLevel, seconds: number | undefined): void;
  close(): void;
}

const root = 'ROOT';
const own = 'mesosphere.marathon';
const rank: Record<LoggerLevel, number> = { trace: 0, debug: 1, info: 2, warn: 3, error: 4 };

const isBelow = (name: string, parent: string) => parent === root || name === parent || name.startsWith(`${parent}.`);

/** @param sink takes the messages; where no level was set it alone decides what it shows */
export function createLoggers(sink: Logger, clock: Clock): Loggers {
  const names = new Set([root, own]);
  /** Levels that were set. */
  const levels = new Map<string, LoggerLevel>();
  const resets = new Map<string, Cancel>();

  /** That of the nearest name above, or of this one, that has one. */
  const effective = (name: string): LoggerLevel | undefined => {
    const set = [...levels.keys()].filter((each) => isBelow(name, each));
    const nearest = set.filter((each) => each !== root).sort((a, b) => b.length - a.length)[0];
    return levels.get(nearest ?? root);
  };

  const wrap = (to: Logger, name: string): Logger => {
    names.add(name);
    const at =
      (level: 'debug' | 'info' | 'warn' | 'error'): Logger['info'] =>
      (message, fields) => {
        const least = levels.size === 0 ? undefined : effective(name);
        if (least === undefined) to[level](message, fields);
        // What was asked for is shown even where the sink leaves out what is below `info`.
        else if (rank[level] >= rank[least]) to[level === 'debug' ? 'info' : level](message, fields);
      };
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      named: (other) => wrap(to.named(other), `${own}.${other}`),
    };
  };

  const set = (name: string, level: LoggerLevel | undefined) => {
    if (level === undefined) levels.delete(name);
    else levels.set(name, level);
  };

  return {
    log: wrap(sink, own),
    levels() {
      const all = [...new Set([...names, ...levels.keys()])].sort();
      return Object.fromEntries(
        all.map((name) => {
          const level = levels.get(name) ?? (name === root ? 'info' : undefined);
          return [name, level?.toUpperCase() ?? `${(effective(name) ?? 'info').toUpperCase()} (inherited)`];
        }),
      );
    },
    change(name, level, seconds) {
      const before = levels.get(name);
      resets.get(name)?.();
      resets.delete(name);
      set(name, level);
      if (seconds === undefined) return;
      const cancel = clock.after(seconds * 1000, () => {
        resets.delete(name);
        set(name, before);
      });
      resets.set(name, cancel);
    },
    close() {
      for (const cancel of resets.values()) cancel();
    },
  };
}

const change: Check<LoggerChange> = object<LoggerChange>({
  level: literal('trace', 'debug', 'info', 'warn', 'error'),
  logger: text({ min: 1 }),
  durationSeconds: optional(integer({ min: 0 })),
});

/** Checks the body of `POST /logging`. */
export function checkLoggerChange(json: unknown): Result<LoggerChange> {
  return checked(change, json);
}
