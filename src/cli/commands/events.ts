import { describeEvent, isAbout } from '../../apps/event-text.ts';
import type { MarathonEventType } from '../../protocols/marathon/types.ts';
import { messageOf } from '../../support/errors.ts';
import { sleep } from '../../support/retry.ts';
import { openApps } from '../apps-place.ts';
import { appId } from '../deploying.ts';
import { type CommandContext, listOption, textOption } from '../spec.ts';

const pauseMs = 500;

/** `events`: what Marathon tells from now on, a line each; goes on over a change of its leader. */
export async function run(context: CommandContext): Promise<void> {
  const { marathon } = await openApps(context);
  const types = listOption(context, 'type').flatMap((text) => text.split(',')) as MarathonEventType[];
  const app = textOption(context, 'app');
  const id = app === undefined ? undefined : appId(app);
  const { style } = context.output;
  for (let attached = false; !context.signal.aborted; ) {
    try {
      for await (const event of marathon.events(context.signal, types)) {
        if (event.eventType === 'event_stream_attached') {
          context.progress.detail(attached ? 'connected again' : 'connected');
          attached = true;
          continue;
        }
        if (id !== undefined && !isAbout(event, id)) continue;
        const time = event.timestamp.slice(11, 19);
        const type = event.eventType.replace(/_event$/, '');
        context.output.event(event, `${style.dim(time)} ${style.cyan(type)} ${describeEvent(event)}`.trimEnd());
      }
    } catch (error) {
      // Before anything was heard it is a mistake; later a leader that changes.
      if (!attached) throw error;
      context.progress.detail(`the stream broke off: ${messageOf(error)}`);
    }
    if (!context.signal.aborted) await sleep(pauseMs, context.signal).catch(() => {});
  }
}
