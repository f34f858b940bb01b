import type { AppDefinition, FieldErrors } from '../../../protocols/marathon/types.ts';
import type { ModelConfig } from './config.ts';
import type { RawApp, RawAppUpdate } from './raw.ts';

/** Gathers errors by path, in the order in which the paths first came up. */
export interface ErrorList {
  add(path: string, ...errors: string[]): void;
  list(): FieldErrors[];
}

/** The rules on legacy fields and on their mixing with new ones; before `modernise`. */
export function validateLegacy(raw: RawAppUpdate, config: ModelConfig): FieldErrors[] {
  throw new Error(`not built: ${raw} ${config}`);
}

/** The rules of one app, complete or update, after `modernise`; fields that are absent are not looked at. */
export function validateRaw(raw: RawApp | RawAppUpdate, config: ModelConfig): FieldErrors[] {
  throw new Error(`not built: ${raw} ${config}`);
}

/** The rules of a complete definition on its own; those of the whole tree are in group.ts. */
export function validateApp(app: AppDefinition, config: ModelConfig): FieldErrors[] {
  throw new Error(`not built: ${app} ${config}`);
}
