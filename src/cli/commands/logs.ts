import { createTaskFinder, findTask } from '../../apps/app-tasks.ts';
import { shortId } from '../../apps/instance-progress.ts';
import { readTaskLogs, type TaskLine } from '../../apps/task-logs.ts';
import { resolveTarget, type Target } from '../../cluster/target.ts';
import type { LogLine } from '../../runtime/types.ts';
import { DevclusterError } from '../../support/errors.ts';
import { type AppsPlace, openApps } from '../apps-place.ts';
import { appId } from '../deploying.ts';
import { openCluster } from '../open-cluster.ts';
import { createSourceColors } from '../source-colors.ts';
import { argument, type CommandContext, numberOption, textOption } from '../spec.ts';

/** `logs [TARGET]`: of services and nodes through the runtime, of apps and tasks through the agents' files. */
export async function run(context: CommandContext): Promise<void> {
  const target = argument(context, 'target');
  if (target?.startsWith('app:') || target?.startsWith('task:'))
    return taskLogs(context, await openApps(context), target);
  if (context.options.stderr === true || context.options.finished === true)
    throw new DevclusterError('usage', 'USAGE', '--stderr and --finished are for apps and tasks', {
      hint: 'For instance: devcluster logs app:/shop/web --stderr',
    });
  await serviceLogs(context, target);
}

async function serviceLogs(context: CommandContext, target: string | undefined): Promise<void> {
  const { runtime, plan } = await openCluster(context);
  const targets: Target[] = target === undefined ? plan.nodes.map((node) => ({ node })) : resolveTarget(plan, target);
  const follow = context.options.follow === true;
  const tail = numberOption(context, 'tail');
  const since = sinceOption(textOption(context, 'since'), Date.now());
  const paint = createSourceColors(context.output.color);
  const print = (line: LogLine) => {
    const { source, time, text } = line;
    const document = { source, ...(time === undefined ? {} : { time: new Date(time).toISOString() }), text };
    context.output.event(document, `${paint(source)} ${text}`);
  };
  const streams = targets.map((each) =>
    runtime.logs(plan, each, {
      follow,
      signal: context.signal,
      ...(tail === undefined ? {} : { tail }),
      ...(since === undefined ? {} : { since }),
    }),
  );
  if (follow) {
    await Promise.all(
      streams.map(async (lines) => {
        for await (const line of lines) print(line);
      }),
    );
    return;
  }
  for (const line of await inOrder(streams)) print(line);
}

/** All lines by their time; a line without one stays behind the one before it. */
async function inOrder(streams: readonly AsyncIterable<LogLine>[]): Promise<LogLine[]> {
  const timed: { time: number; line: LogLine }[] = [];
  for (const stream of streams) {
    let last = 0;
    for await (const line of stream) {
      last = line.time ?? last;
      timed.push({ time: last, line });
    }
  }
  return timed.sort((a, b) => a.time - b.time).map(({ line }) => line);
}

async function taskLogs(context: CommandContext, place: AppsPlace, target: string): Promise<void> {
  if (context.options.since !== undefined)
    throw new DevclusterError('usage', 'USAGE', "The output of tasks carries no times, so --since can't be used", {
      hint: 'Use --tail.',
    });
  const mesos = await place.mesos();
  if (!mesos)
    throw new DevclusterError('missing', 'NO_MESOS', `${place.name} doesn't tell where its Mesos is`, {
      hint: 'Read the output of tasks in its web interface.',
    });
  const tail = numberOption(context, 'tail');
  const name = target.slice(target.indexOf(':') + 1);
  const finished = context.options.finished === true;
  const tasks = target.startsWith('app:')
    ? createTaskFinder(place.marathon, mesos, appId(name), { finished })
    : await oneTask(mesos, name);
  const paint = createSourceColors(context.output.color);
  const print = ({ taskId, stream, text }: TaskLine) =>
    context.output.event(
      { source: taskId, stream, text },
      `${paint(shortName(taskId))}${stream === 'stderr' ? context.output.style.red('!') : ' '} ${text}`,
    );
  await readTaskLogs(
    mesos,
    {
      follow: context.options.follow === true,
      streams: context.options.stderr === true ? ['stderr'] : ['stdout', 'stderr'],
      signal: context.signal,
      tasks,
      ...(tail === undefined ? {} : { tail }),
    },
    print,
  );
}

async function oneTask(
  mesos: NonNullable<Awaited<ReturnType<AppsPlace['mesos']>>>,
  name: string,
): Promise<() => Promise<{ id: string }[]>> {
  const id = await findTask(mesos, name);
  // A task that no agent knows would be waited for in silence.
  await mesos.sandbox(id);
  return async () => [{ id }];
}

/** `shop_web.instance-<uuid>._app.1` → `shop_web.1a2b3c4d`. */
function shortName(taskId: string): string {
  const dot = taskId.indexOf('.');
  return dot < 0 ? taskId : `${taskId.slice(0, dot)}.${shortId(taskId)}`;
}

const unitMs: Readonly<Record<string, number>> = { s: 1e3, m: 6e4, h: 36e5, d: 864e5 };

/** `30s`, `5m`, `2h`, `1d` before `now`, or a date and time; milliseconds since 1970. @throws DevclusterError usage */
export function sinceOption(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  const ago = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text);
  if (ago) return now - Number(ago[1]) * unitMs[ago[2]!]!;
  const time = Date.parse(text);
  if (!Number.isNaN(time)) return time;
  throw new DevclusterError('usage', 'USAGE', `'${text}' is no time`, {
    hint: 'Use 30s, 5m, 2h, 1d, or a date and time like 2026-01-02T03:04:05.',
  });
}
