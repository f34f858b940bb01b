import { readFileSync } from 'node:fs';
import { ControlError, createControlClient, type HostSpec, serviceActions } from '../../protocols/control.ts';
import { components } from '../../protocols/versions.ts';
import { systemClock } from '../../support/clock.ts';
import { messageOf } from '../../support/errors.ts';
import { loadComponent } from './components.ts';
import { serve } from './process.ts';

/** Evaluates the code of every component: for the build, which keeps the result of compiling it. */
export async function loadAll(): Promise<void> {
  for (const load of Object.values(loadComponent)) await load();
}

const [, , unitFile, ...rest] = process.argv;
/** The time of apps may be moved on by a long way. */
const controlTimeoutMs = 60_000;
if (unitFile === '--control') void control(rest).then((code) => (process.exitCode = code));
else if (unitFile !== '--write-cache') {
  const spec = unitFile === '--variable' ? parseSpec(process.env[rest[0] ?? ''], rest[0] ?? '') : readSpec(unitFile);
  if (spec) void serve(spec, loadComponent, systemClock);
  else process.exitCode = 2;
}

/** `--control SOCKET …`: the client of a host's control socket, for where only this program can reach it. */
async function control([socket = '', what = '', action = '']: readonly string[]): Promise<number> {
  const client = createControlClient(socket, controlTimeoutMs);
  const component = components.find((known) => known === what);
  const doing = serviceActions.find((known) => known === action);
  try {
    if (what === 'advance' && Number(action) > 0) await client.advance(Number(action));
    else if (component && doing) await client.act(component, doing);
    else {
      process.stderr.write('usage: node-host --control SOCKET (COMPONENT start|stop|restart | advance MS)\n');
      return 2;
    }
    return 0;
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    return error instanceof ControlError && error.status === 404 ? 5 : 1;
  }
}

function readSpec(path: string | undefined): HostSpec | undefined {
  if (path === undefined) {
    process.stderr.write('usage: node-host UNIT-FILE | --variable NAME (devcluster starts it)\n');
    return undefined;
  }
  try {
    return parseSpec(readFileSync(path, 'utf8'), path);
  } catch (error) {
    process.stderr.write(`${path}: ${messageOf(error)}\n`);
    return undefined;
  }
}

/** @param from whose content it is: a file, or with `--variable NAME`, for files of others' making, a variable */
function parseSpec(text: string | undefined, from: string): HostSpec | undefined {
  try {
    return JSON.parse(text ?? '') as HostSpec;
  } catch (error) {
    process.stderr.write(`${from}: ${messageOf(error)}\n`);
    return undefined;
  }
}
