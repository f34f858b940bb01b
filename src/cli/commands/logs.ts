import { readTaskLogs } from '../../apps/task-logs.ts';
import { resolveTarget, type Target } from '../../cluster/target.ts';
import type { LogLine } from '../../runtime/types.ts';
import { DevclusterError } from '../../support/errors.ts';
import { type CliCluster, openCluster } from '../open-cluster.ts';
import { argument, type CommandContext, numberOption, textOption } from '../spec.ts';

/** `logs [TARGET]`: of services and nodes through the runtime, of apps and tasks through the agents' files. */
export async function run(context: CommandContext): Promise<void> {
  const cluster = await openCluster(context);
  const target = argument(context, 'target');
  if (target?.startsWith('app:') || target?.startsWith('task:')) await taskLogs(context, cluster, target);
  else await serviceLogs(context, cluster, target);
}

async function serviceLogs(context: CommandContext, cluster: CliCluster, target: string | undefined): Promise<void> {
  const { runtime, plan } = cluster;
  const targets: Target[] = target === undefined ? plan.nodes.map((node) => ({ node })) : resolveTarget(plan, target);
  const follow = context.options.follow === true;
  const tail = numberOption(context, 'tail');
  const since = sinceOption(textOption(context, 'since'), Date.now());
  const print = (line: LogLine) => {
    const { source, time, text } = line;
    const document = { source, ...(time === undefined ? {} : { time: new Date(time).toISOString() }), text };
    context.output.event(document, `${context.output.style.cyan(source)} ${text}`);
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

async function taskLogs(context: CommandContext, cluster: CliCluster, target: string): Promise<void> {
  const { marathon, mesos } = cluster;
  if (context.options.since !== undefined)
    throw new DevclusterError('usage', 'USAGE', "The output of tasks carries no times, so --since can't be used", {
      hint: 'Use --tail.',
    });
  const tail = numberOption(context, 'tail');
  const [kind, name = ''] = [target.slice(0, target.indexOf(':')), target.slice(target.indexOf(':') + 1)];
  const id = `/${name.split('/').filter(Boolean).join('/')}`;
  // Asked once for the error when there is no such app; a group stands for all apps in it.
  const ofApp = async () =>
    (await marathon.tasks()).filter(({ appId }) => appId === id || appId.startsWith(`${id === '/' ? '' : id}/`));
  if (kind === 'app' && (await ofApp()).length === 0)
    await marathon.app(id).catch(async (noSuchApp: unknown) => {
      await marathon.group(id).catch(() => {
        throw noSuchApp;
      });
    });
  // A task that no agent knows would be waited for in silence.
  if (kind === 'task') await mesos.sandbox(name);
  await readTaskLogs(
    mesos,
    {
      follow: context.options.follow === true,
      streams: ['stdout', 'stderr'],
      signal: context.signal,
      tasks: kind === 'app' ? ofApp : async () => [{ id: name }],
      ...(tail === undefined ? {} : { tail }),
    },
    ({ taskId, stream, text }) =>
      context.output.event({ source: taskId, stream, text }, `${context.output.style.cyan(taskId)} ${text}`),
  );
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
