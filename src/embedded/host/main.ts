import { readFileSync } from 'node:fs';
import type { HostSpec } from '../../protocols/control.ts';
import { systemClock } from '../../support/clock.ts';
import { messageOf } from '../../support/errors.ts';
import { loadComponent } from './components.ts';
import { serve } from './process.ts';

/** Evaluates the code of every component: for the build, which keeps the result of compiling it. */
export async function loadAll(): Promise<void> {
  for (const load of Object.values(loadComponent)) await load();
}

const [, , unitFile] = process.argv;
if (unitFile !== '--write-cache') {
  const spec = readSpec(unitFile);
  if (spec) void serve(spec, loadComponent, systemClock);
  else process.exitCode = 2;
}

function readSpec(path: string | undefined): HostSpec | undefined {
  if (path === undefined) {
    process.stderr.write('usage: node-host UNIT-FILE (devcluster starts it)\n');
    return undefined;
  }
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as HostSpec;
  } catch (error) {
    process.stderr.write(`${path}: ${messageOf(error)}\n`);
    return undefined;
  }
}
