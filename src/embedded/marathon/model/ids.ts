import type { PathId } from '../../../protocols/marathon/types.ts';
import { fromSafePath, safePath } from './path-id.ts';

/** Ids of instances and tasks. Source: core/task/Task.scala and core/instance/Instance.scala of Marathon. */

const hex = (value: number | bigint, digits: number) => value.toString(16).padStart(digits, '0');
const randomBits = (random: () => number, bits: number) => Math.floor(random() * 2 ** bits);

/** Ticks of 100 ns between 1582-10-15, where time-based UUIDs begin, and 1970. */
const gregorianOffset = 0x01b2_1dd2_1381_4000n;

/**
 * A time-based UUID (version 1). `now` is milliseconds since 1970; the rest of the millisecond, clock sequence and
 * node (marked as multicast, so that it is nobody's) are random.
 */
export function timeUuid(now: number, random: () => number): string {
  const ticks = BigInt(Math.floor(now)) * 10_000n + BigInt(Math.floor(random() * 10_000)) + gregorianOffset;
  const low = hex(ticks & 0xffff_ffffn, 8);
  const mid = hex((ticks >> 32n) & 0xffffn, 4);
  const high = hex(((ticks >> 48n) & 0x0fffn) | 0x1000n, 4);
  const sequence = hex(randomBits(random, 14) | 0x8000, 4);
  const node = hex(randomBits(random, 24) | 0x01_0000, 6) + hex(randomBits(random, 24), 6);
  return `${low}-${mid}-${high}-${sequence}-${node}`;
}

export function newInstanceId(appId: PathId, now: number, random: () => number): string {
  return `${safePath(appId)}.instance-${timeUuid(now, random)}`;
}

/** The id of the instance's first task; of a pod, of the container of this name. */
export function firstTaskId(instanceId: string, container = '_app'): string {
  return `${instanceId}.${container}.1`;
}

export interface ParsedTaskId {
  readonly appId: PathId;
  readonly instanceId: string;
  /** The container of a pod; absent for apps. */
  readonly container?: string;
  readonly incarnation?: number;
}

const uuidPattern = /^[0-9a-f]{1,8}-[0-9a-f]{1,4}-[0-9a-f]{1,4}-[0-9a-f]{1,4}-[0-9a-f]{1,12}$/i;
const maxLength = 4096;

/** With an incarnation and without, of an instance; and, from before there were instances, of an app. */
const counted = /^(.+)\.(instance-|marathon-)([^_.]+)[._]([^.]+)\.(\d+)$/;
const uncounted = /^(.+)\.(instance-|marathon-)([^_.]+)[._]([^.]+)$/;
const legacyCounted = /^(.+)[._]([^_.]+)\.(\d+)$/;
const legacy = /^(.+)[._]([^_.]+)$/;

/** Reads a task id of any generation; undefined when it is none. */
export function parseTaskId(text: string): ParsedTaskId | undefined {
  if (text.length > maxLength) return undefined;
  const current = counted.exec(text) ?? uncounted.exec(text);
  if (current) {
    const [, path = '', prefix = '', uuid = '', container = '', incarnation] = current;
    if (!uuidPattern.test(uuid)) return undefined;
    return {
      appId: fromSafePath(path),
      instanceId: `${path}.${prefix}${uuid}`,
      ...(container !== '_app' && { container }),
      ...(incarnation !== undefined && { incarnation: Number(incarnation) }),
    };
  }
  const old = legacyCounted.exec(text) ?? legacy.exec(text);
  if (!old) return undefined;
  const [, path = '', uuid = '', incarnation] = old;
  if (!uuidPattern.test(uuid)) return undefined;
  return {
    appId: fromSafePath(path),
    instanceId: `${path}.marathon-${uuid}`,
    ...(incarnation !== undefined && { incarnation: Number(incarnation) }),
  };
}

/** The id of the executor that holds the containers of a pod's instance. */
export function executorIdOf(instanceId: string): string {
  const [, path = '', prefix = '', uuid = ''] = /^(.+)\.(instance-|marathon-)([^.]+)$/.exec(instanceId) ?? [];
  return `${prefix}${path}.${uuid}`;
}

/** The id of the task after `taskId` on the same instance. */
export function nextTaskId(taskId: string): string {
  const incarnation = parseTaskId(taskId)?.incarnation;
  return incarnation === undefined ? `${taskId}.1` : taskId.replace(/\d+$/, String(incarnation + 1));
}

/** Reads an instance id; undefined when it is none. */
export function parseInstanceId(text: string): { readonly appId: PathId; readonly uuid: string } | undefined {
  if (text.length > maxLength) return undefined;
  const [, path = '', , uuid = ''] = /^(.+)\.(instance-|marathon-)([^.]+)$/.exec(text) ?? [];
  return uuidPattern.test(uuid) ? { appId: fromSafePath(path), uuid } : undefined;
}
