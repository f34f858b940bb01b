import { readFileSync } from 'node:fs';
import type { HostSpec } from '../../protocols/control.ts';
import { systemClock } from '../../support/clock.ts';
import { messageOf } from '../../support/errors.ts';
import { loadComponent } from './components.ts';
import { serve } from './process.ts';

const unitFile = process.argv[2];
if (!unitFile) {
  process.stderr.write('usage: node-host UNIT-FILE (devcluster starts it)\n');
  process.exit(2);
}

let spec: HostSpec;
try {
  spec = JSON.parse(readFileSync(unitFile, 'utf8')) as HostSpec;
} catch (error) {
  process.stderr.write(`${unitFile}: ${messageOf(error)}\n`);
  process.exit(2);
}
await serve(spec, loadComponent, systemClock);
