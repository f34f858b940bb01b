import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../support/errors.ts';

/**
 * Where sandboxes are, as in the real agent: `slaves/<agent>/frameworks/<framework>/executors/<executor>/runs/<container>`
 * below the work folder. Source: src/slave/paths.hpp of Apache Mesos.
 */
export interface RunPath {
  agentId: string;
  frameworkId: string;
  executorId: string;
  containerId: string;
}

export function runDirectory(workDir: string, run: RunPath): string {
  return join(runsDirectory(workDir, run), run.containerId);
}

function runsDirectory(workDir: string, { agentId, frameworkId, executorId }: Omit<RunPath, 'containerId'>): string {
  return join(workDir, 'slaves', agentId, 'frameworks', frameworkId, 'executors', executorId, 'runs');
}

/** Where a nested container lives in its executor's sandbox. */
export function nestedDirectory(executorDirectory: string, containerId: string): string {
  return join(executorDirectory, 'containers', containerId);
}

/**
 * Why an id can't be a folder's name, or undefined when it can. The master refuses such ids before.
 * Source: src/common/validation.cpp of Apache Mesos.
 */
export function refuseId(id: unknown): string | undefined {
  if (typeof id !== 'string' || id === '') return 'ID must not be empty';
  if (Buffer.byteLength(id) > 255) return 'ID must not be greater than 255 characters';
  if (id === '.' || id === '..') return `'${id}' is disallowed`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[/\\\x00-\x1f\x7f]/.test(id)) return `'${id}' contains invalid characters`;
  return undefined;
}

/** Makes a run's folder and points `latest` to it. @throws system errors */
export async function createRun(workDir: string, run: RunPath): Promise<string> {
  const runs = runsDirectory(workDir, run);
  const directory = join(runs, run.containerId);
  await makeFolder(runs, directory);
  await replaceLink(run.containerId, join(runs, 'latest'));
  return directory;
}

/** Makes the folder of a nested container and the link to it by its task's id. @throws system errors */
export async function createNested(executorDirectory: string, containerId: string, taskId: string): Promise<string> {
  const directory = nestedDirectory(executorDirectory, containerId);
  await makeFolder(join(executorDirectory, 'containers'), directory);
  await mkdir(join(executorDirectory, 'tasks'), { recursive: true });
  await replaceLink(join('..', 'containers', containerId), join(executorDirectory, 'tasks', taskId));
  return directory;
}

/** The sandbox itself is private to its user; the way to it is not. */
async function makeFolder(parent: string, directory: string): Promise<void> {
  await mkdir(parent, { recursive: true });
  await mkdir(directory, { mode: 0o750 }).catch((error) => {
    if (systemCode(error) !== 'EEXIST') throw error;
  });
}

/** Points a symbolic link to `target`, whatever it pointed to before. */
export async function replaceLink(target: string, link: string): Promise<void> {
  try {
    await symlink(target, link);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    // A rename replaces it in one step, whoever else is at it.
    const temporary = `${link}.${randomUUID()}`;
    await symlink(target, temporary);
    await rename(temporary, link).catch(async (failed) => {
      await rm(temporary, { force: true });
      throw failed;
    });
  }
}
