import type { MarathonClient } from '../clients/marathon.ts';
import type { MesosClient, TaskState } from '../clients/mesos.ts';
import { DevclusterError } from '../support/errors.ts';

/** Which tasks of an app, or of the apps of a group, somebody wants to read. */
export interface TaskWish {
  /** Also those that have ended, as far as Mesos remembers them. */
  finished: boolean;
}

/**
 * The tasks whose output tells about an app: those that run or, while none does, as of one that crashes again and
 * again, the one that ended last. Asked again while following, it adds those that came since, however short they lived.
 * @throws DevclusterError notFound, when first asked, for an id that is neither app nor group
 */
export function createTaskFinder(
  marathon: Pick<MarathonClient, 'tasks' | 'app' | 'group'>,
  mesos: Pick<MesosClient, 'state'>,
  id: string,
  wish: TaskWish,
): () => Promise<{ id: string }[]> {
  const inside = (appId: string) => appId === id || appId.startsWith(id === '/' ? '/' : `${id}/`);
  let since: number | undefined;
  return async () => {
    const [live, state] = await Promise.all([marathon.tasks(), mesos.state()]);
    const running = live.filter(({ appId }) => inside(appId)).map((task) => ({ id: task.id }));
    const ended = [...state.frameworks, ...state.completed_frameworks]
      .flatMap((framework) => framework.completed_tasks)
      .filter((task) => isTaskOf(task.id, id) && !running.some((each) => each.id === task.id))
      .sort((a, b) => endOf(a) - endOf(b));
    if (since !== undefined) {
      const begun = since;
      return [...running, ...ended.filter((task) => (task.statuses[0]?.timestamp ?? 0) >= begun)];
    }
    since = Math.max(0, ...ended.map(endOf));
    if (running.length === 0 && ended.length === 0) await checkThere(marathon, id);
    if (wish.finished) return [...ended, ...running];
    return running.length > 0 ? running : ended.slice(-1);
  };
}

/** Marathon's task ids begin with the app's id, its slashes as underscores, which no id holds. */
function isTaskOf(taskId: string, id: string): boolean {
  const prefix = id.split('/').filter(Boolean).join('_');
  return prefix === '' || taskId.startsWith(`${prefix}.`) || taskId.startsWith(`${prefix}_`);
}

function endOf(task: TaskState): number {
  return task.statuses.at(-1)?.timestamp ?? 0;
}

async function checkThere(marathon: Pick<MarathonClient, 'app' | 'group'>, id: string): Promise<void> {
  await marathon.app(id).catch(async (noSuchApp: unknown) => {
    await marathon.group(id).catch(() => {
      throw noSuchApp;
    });
  });
}

/**
 * The task that a text names: its whole id, or a part of it that only one has.
 * @throws DevclusterError notFound
 */
export async function findTask(mesos: Pick<MesosClient, 'state'>, text: string): Promise<string> {
  const state = await mesos.state();
  const all = [...state.frameworks, ...state.completed_frameworks].flatMap((framework) => [
    ...framework.tasks,
    ...framework.completed_tasks,
  ]);
  if (all.some(({ id }) => id === text)) return text;
  const found = [...new Set(all.filter(({ id }) => id.includes(text)).map(({ id }) => id))];
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  throw new DevclusterError(
    'notFound',
    'NO_SUCH_TASK',
    found.length === 0 ? `Mesos knows no task '${text}'` : `${found.length} tasks have '${text}' in their id`,
    { hint: 'See `devcluster apps --tasks`.' },
  );
}
