import { renameSync, writeFileSync } from 'node:fs';
import type { ControlEvent, NumberedStatus, ServiceStatus } from '../../protocols/control.ts';
import type { LogStream } from './stream-log.ts';

/** Tells a runtime that can't reach the control socket what happens: by a file, and by a line for each event. */
export interface Reporter {
  report(event: ControlEvent): void;
}

/**
 * @param path always holds a whole `NumberedStatus`, as of the last event
 * @param events gets each event with its number, after it is in the file
 */
export function createReporter(path: string, events: LogStream, services: () => readonly ServiceStatus[]): Reporter {
  // Later hosts of a node go on with higher numbers, whatever became of the file.
  let number = Date.now() * 1000;
  const write = () => {
    const status: NumberedStatus = { number, services: services() };
    writeFileSync(`${path}.tmp`, JSON.stringify(status), { mode: 0o600 });
    renameSync(`${path}.tmp`, path);
  };
  write();
  return {
    report(event) {
      number++;
      write();
      events.write(`${JSON.stringify({ number, ...event })}\n`);
    },
  };
}
