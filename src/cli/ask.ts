import { DevclusterError } from '../support/errors.ts';
import type { CommandContext } from './spec.ts';

/** Whether there is somebody to ask: both the questions and the answers need a terminal. */
export function canAsk(context: CommandContext): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true && !context.globals.json;
}

/** What Ctrl-C in a question means. */
function leave(error: unknown): never {
  if (error instanceof Error && error.name === 'ExitPromptError')
    throw new DevclusterError('interrupted', 'INTERRUPTED', 'Nothing was changed', { cause: error });
  throw error;
}

/** Runs a question of inquirer's on stderr, so that stdout holds results only. */
export async function ask<T>(
  question: (inquirer: typeof import('inquirer').default, output: NodeJS.WriteStream) => Promise<T>,
): Promise<T> {
  const { default: inquirer } = await import('inquirer');
  return question(inquirer, process.stderr).catch(leave);
}

/**
 * Asks before something is done that can't be taken back easily; --yes answers by itself.
 * @param what shown before the question
 * @throws DevclusterError usage without a terminal, interrupted when the answer is no
 */
export async function confirm(context: CommandContext, question: string, what: readonly string[] = []): Promise<void> {
  if (context.globals.yes) return;
  if (!canAsk(context))
    throw new DevclusterError('usage', 'NEEDS_CONSENT', `${[...what, question].join('\n')} Nobody can be asked here`, {
      hint: 'Repeat the command with --yes.',
    });
  for (const line of what) context.progress.note(line);
  const yes = await ask(async (inquirer, output) => {
    const prompt = inquirer.createPromptModule({ output });
    const { answer } = await prompt<{ answer: boolean }>([
      { type: 'confirm', name: 'answer', message: question, default: false },
    ]);
    return answer;
  });
  if (!yes) throw new DevclusterError('interrupted', 'DECLINED', 'Nothing was changed');
}

/**
 * A value that must not be an argument, since those are seen in process lists: asked for without showing it, or all of
 * standard input.
 */
export async function readHidden(context: CommandContext, message: string): Promise<Buffer> {
  if (!process.stdin.isTTY) {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  }
  if (!canAsk(context))
    throw new DevclusterError('usage', 'NO_VALUE', 'There is no value on standard input', {
      hint: 'Pipe it in: printf %s "$VALUE" | devcluster …',
    });
  const answer = await ask(async (inquirer, output) => {
    const prompt = inquirer.createPromptModule({ output });
    return (await prompt<{ value: string }>([{ type: 'password', name: 'value', message, mask: '*' }])).value;
  });
  return Buffer.from(answer);
}
