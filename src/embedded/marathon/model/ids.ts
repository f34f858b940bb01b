import type { PathId } from '../../../protocols/marathon/types.ts';

/** A time-based UUID (version 1). `now` is milliseconds since 1970; clock sequence and node are random. */
export function timeUuid(now: number, random: () => number): string {
  throw new Error(`not built: ${now} ${random}`);
}

/** A random UUID (version 4), as deployments have. */
export function randomUuid(random: () => number): string {
  throw new Error(`not built: ${random}`);
}

export function newInstanceId(appId: PathId, now: number, random: () => number): string {
  throw new Error(`not built: ${appId} ${now} ${random}`);
}

/** The id of the instance's first task. */
export function firstTaskId(instanceId: string): string {
  return `${instanceId}._app.1`;
}

/** The id of the task after `taskId` on the same instance. */
export function nextTaskId(taskId: string): string {
  throw new Error(`not built: ${taskId}`);
}

export interface ParsedTaskId {
  readonly appId: PathId;
  readonly instanceId: string;
  /** The container of a pod; absent for apps. */
  readonly container?: string;
  readonly incarnation?: number;
}

/** Reads a task id of any generation; undefined when it is none. */
export function parseTaskId(text: string): ParsedTaskId | undefined {
  throw new Error(`not built: ${text}`);
}

/** Reads an instance id; undefined when it is none. */
export function parseInstanceId(text: string): { readonly appId: PathId; readonly uuid: string } | undefined {
  throw new Error(`not built: ${text}`);
}
