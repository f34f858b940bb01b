import { commands } from '../commands.ts';
import { completionScript } from '../completion-scripts.ts';
import { globalOptions } from '../parse.ts';
import { argument, type CommandContext, type NameKind, textOption } from '../spec.ts';

/** `completion SHELL`: the script; `completion --names KIND`: what it asks for while somebody types, one a line. */
export async function run(context: CommandContext): Promise<void> {
  const kind = textOption(context, 'names') as NameKind | undefined;
  if (kind) {
    const { liveNames } = await import('../live-names.ts');
    const names = await liveNames(context, kind);
    return context.output.result(names, names.join('\n'));
  }
  const shell = (argument(context, 'shell') ?? 'bash') as 'bash' | 'zsh' | 'fish';
  const script = completionScript(shell, commands, globalOptions);
  context.output.result({ shell, script }, script);
}
