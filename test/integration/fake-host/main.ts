import { readFileSync } from 'node:fs';
import type { LoadComponent } from '../../../src/embedded/host/components.ts';
import { serve } from '../../../src/embedded/host/process.ts';
import { components } from '../../../src/protocols/versions.ts';
import { systemClock } from '../../../src/support/clock.ts';
import { startFake } from './services.ts';

/** The node host as it is, with fake services. */
const fakes = Object.fromEntries(components.map((component) => [component, async () => startFake])) as LoadComponent;
await serve(JSON.parse(readFileSync(process.argv[2]!, 'utf8')), fakes, systemClock);
