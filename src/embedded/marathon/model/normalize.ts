import type { AppDefinition, AppJson, PathId, Timestamp } from '../../../protocols/marathon/types.ts';
import type { ModelConfig } from './config.ts';
import type { RawApp, RawAppUpdate } from './raw.ts';

/** What stands in for fields that only the place of an app decides. */
export interface AppPlace {
  /** The group that relative paths are relative to. */
  readonly base: PathId;
  /** The role an app gets that names none. */
  readonly role: string;
  readonly now: Timestamp;
}

/** Legacy fields (`ports`, `uris`, `ipAddress`, `docker.network`, …) turned into today's; nothing else changes. */
export function modernise<T extends RawAppUpdate>(raw: T, config: ModelConfig): T {
  throw new Error(`not built: ${raw} ${config}`);
}

/** The complete definition: legacy fields converted, defaults filled in, paths absolute. */
export function normaliseApp(raw: RawApp, config: ModelConfig, place: AppPlace): AppDefinition {
  throw new Error(`not built: ${raw} ${config} ${place}`);
}

/** The definition as the API writes it: empty collections that the API omits are left out. */
export function serialiseApp(app: AppDefinition): AppJson {
  throw new Error(`not built: ${app}`);
}
