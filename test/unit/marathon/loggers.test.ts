import { describe, expect, test } from 'vitest';
import { createLoggers } from '../../../src/embedded/marathon/loggers.ts';
import { createLogger } from '../../../src/support/logger.ts';
import { createManualClock } from '../../support/manual-clock.ts';

function loggers() {
  const lines: string[] = [];
  const clock = createManualClock();
  const sink = createLogger((line) => lines.push(line.replace(/^\S+ /, '').trim()), 'marathon', 'info');
  return { lines, clock, ...createLoggers(sink, clock) };
}

describe('loggers', () => {
  test('show what their sink shows until a level is set', () => {
    const { log, lines } = loggers();
    log.debug('small');
    log.info('large');
    expect(lines).toEqual(['INFO  marathon: large']);
  });

  test('show more, or less, from the level that is set for them or for what is above them', () => {
    const { log, lines, change } = loggers();
    const zookeeper = log.named('zookeeper');
    change('ROOT', 'error', undefined);
    log.warn('hidden');
    zookeeper.info('hidden');
    log.error('shown');
    change('mesosphere.marathon.zookeeper', 'debug', undefined);
    zookeeper.debug('shown too');
    log.info('hidden');
    expect(lines).toEqual(['ERROR marathon: shown', 'INFO  zookeeper: shown too']);
  });

  test('get their level back after the time that was said', () => {
    const { clock, levels, change, close } = loggers();
    change('mesosphere.marathon', 'warn', undefined);
    change('mesosphere.marathon', 'trace', 60);
    expect(levels()).toEqual({ ROOT: 'INFO', 'mesosphere.marathon': 'TRACE' });
    clock.advance(60_000);
    expect(levels()).toEqual({ ROOT: 'INFO', 'mesosphere.marathon': 'WARN' });
    change('mesosphere.marathon', 'trace', 60);
    close();
    expect(clock.timers).toBe(0);
  });
});
