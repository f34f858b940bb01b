import { readFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { ClusterPlan, NodePlan } from '../../plan/types.ts';
import { parseTaskRecord, taskRecordFile } from '../../protocols/mesos/task-record.ts';
import { DevclusterError, messageOf, systemCode } from '../../support/errors.ts';
import { readTextIfExists } from '../../support/files.ts';
import { isAlive } from '../../support/process.ts';
import { nodeEnvironment } from '../node-environment.ts';
import type { TaskPlace } from '../types.ts';

/**
 * Runs a command on this machine, which is the machine of all nodes, with this process's own terminal: with the node's
 * environment and data folder, or in a task's sandbox with the task's environment.
 * @returns its exit code; 128 and the signal's number when a signal ended it
 */
export async function execOnNode(
  plan: ClusterPlan,
  node: NodePlan,
  command: readonly string[],
  task?: TaskPlace,
): Promise<number> {
  const [file, ...args] = command;
  if (!file) throw new DevclusterError('usage', 'NO_COMMAND', 'There is no command to run');
  const place = task
    ? { cwd: task.sandbox, env: await taskEnvironment(task), extendEnv: false }
    : { cwd: node.site.dataDir, env: nodeEnvironment(plan, node) };
  const { execa } = await import('execa');
  const result = await execa(file, args, { ...place, stdio: 'inherit', reject: false });
  if (result.exitCode !== undefined) return result.exitCode;
  if (result.signal) return 128 + constants.signals[result.signal as NodeJS.Signals];
  const missing = systemCode(result.cause) === 'ENOENT';
  throw new DevclusterError(
    'missing',
    'COMMAND_NOT_STARTED',
    missing ? `There is no program '${file}'` : `'${file}' can't be run: ${messageOf(result.cause)}`,
    { hint: 'It is looked for on this machine, by PATH.' },
  );
}

/**
 * The environment that a task was started with, as Linux tells it to the task's owner, and this terminal's TERM.
 * @throws DevclusterError notFound when the task has ended, missing where the system doesn't tell
 */
async function taskEnvironment({ id, sandbox }: TaskPlace): Promise<Record<string, string>> {
  const record = parseTaskRecord((await readTextIfExists(join(sandbox, taskRecordFile))) ?? '');
  if (!record || record.end || !isAlive(record.leader))
    throw new DevclusterError('notFound', 'TASK_ENDED', `The task '${id}' does not run any more`, {
      hint: 'See `devcluster apps --tasks`.',
    });
  let text: string;
  try {
    text = await readFile(`/proc/${record.leader.pid}/environ`, 'utf8');
  } catch (error) {
    throw new DevclusterError('missing', 'NO_TASK_ENVIRONMENT', `The environment of '${id}' can't be read`, {
      hint: `Commands in tasks need Linux's /proc; the sandbox is ${sandbox}.`,
      cause: error,
    });
  }
  const variables = text.split('\0').flatMap((entry): [string, string][] => {
    const mark = entry.indexOf('=');
    return mark > 0 ? [[entry.slice(0, mark), entry.slice(mark + 1)]] : [];
  });
  const { TERM } = process.env;
  return { ...(TERM === undefined ? {} : { TERM }), ...Object.fromEntries(variables) };
}
