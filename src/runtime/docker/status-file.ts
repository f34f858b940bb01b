import type Docker from 'dockerode';
import { type ControlEvent, type NumberedStatus, parseEvent } from '../../protocols/control.ts';
import { messageOf } from '../../support/errors.ts';
import { firstFile } from './archive.ts';
import { inContainer } from './containers.ts';
import { statusOf } from './errors.ts';

/** How often a file is read that is replaced while the engine reads it. */
const mostTries = 5;

/** What the node host in a container last said of its services; undefined when it has said nothing yet. */
export async function readStatus(docker: Docker, container: string): Promise<NumberedStatus | undefined> {
  for (let tries = 1; ; tries++)
    try {
      const archive = await docker.getContainer(container).getArchive({ path: inContainer.statusFile });
      const content = await firstFile(archive);
      return content === undefined ? undefined : (JSON.parse(content.toString('utf8')) as NumberedStatus);
    } catch (error) {
      const status = statusOf(error);
      // Not there yet, or being removed.
      if (status === 404 || status === 409) return undefined;
      if (!isTorn(error)) throw error;
      if (tries === mostTries) return undefined;
    }
}

/** Whether the file was another one at the end of reading than at the beginning. */
function isTorn(error: unknown): boolean {
  return error instanceof SyntaxError || /Unexpected end of data|Premature close/.test(messageOf(error));
}

/** One line that a node host wrote to stderr; undefined for whatever else was written there. */
export function parseNumbered(line: string): (ControlEvent & { number: number }) | undefined {
  if (!line.startsWith('{"number":')) return undefined;
  const event = parseEvent(line);
  if (!event) return undefined;
  const { number } = JSON.parse(line) as { number: unknown };
  return typeof number === 'number' ? { ...event, number } : undefined;
}
