import type { CommandSpec } from './spec.ts';

/** The commands of the app life cycle. */
export const appCommands: readonly CommandSpec[] = [];
