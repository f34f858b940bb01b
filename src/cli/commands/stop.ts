import { stop } from '../../cluster/lifecycle.ts';
import { runLifecycle } from '../lifecycle.ts';
import type { CommandContext } from '../spec.ts';

/** `stop [TARGET]` */
export function run(context: CommandContext): Promise<void> {
  return runLifecycle(context, 'stopped', stop);
}
