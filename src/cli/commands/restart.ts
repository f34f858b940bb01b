import { restart } from '../../cluster/lifecycle.ts';
import { runLifecycle } from '../lifecycle.ts';
import type { CommandContext } from '../spec.ts';

/** `restart [TARGET]` */
export function run(context: CommandContext): Promise<void> {
  return runLifecycle(context, 'ready', restart);
}
