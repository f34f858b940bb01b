import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commands } from '../../../src/cli/commands.ts';
import { completionScript } from '../../../src/cli/completion-scripts.ts';
import { globalOptions } from '../../../src/cli/parse.ts';
import { skipped } from '../../support/skipped.ts';

/** What stands behind the word that is completed, in the shells themselves; each line has one answer. */
const lines: readonly (readonly [line: string, completed: string])[] = [
  ['devcluster restart-', 'restart-app'],
  ['devcluster node pau', 'pause'],
  ['devcluster node pause ', 'live-nodes-'],
  ['devcluster -c shop scale ', 'live-apps-shop'],
  ['devcluster --cluster shop logs --tail 5 ', 'live-logs-shop'],
  ['devcluster -c ', 'live-clusters-'],
  ['devcluster up --runtime d', 'docker'],
  ['devcluster apps --target ', 'live-targets-'],
  ['devcluster history --li', '--limit'],
  ['devcluster status --js', '--json'],
  ['devcluster help prun', 'prune'],
  ['devcluster deploy a-def', 'a-definition.json'],
];

/** Each gives what became of the last word of each of `"$@"`, a line for each. */
const programs = {
  bash: `source ./script
for line in "$@"; do
  COMPREPLY=(); COMP_LINE="$line"; COMP_POINT=\${#COMP_LINE}; _devcluster
  # What bash does by itself where there is no answer.
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "\${line##* }"))
  echo "\${COMPREPLY[*]}"
done`,
  // Types each line in a terminal, Tab behind it, and has the line shown that comes of it.
  zsh: `zmodload zsh/zpty
zpty shell 'TERM=dumb zsh -f -i'
zpty -w shell 'PS1=; unsetopt prompt_cr prompt_sp; source ./script; show() { print -r -- "<$BUFFER>"; BUFFER=; zle accept-line }; zle -N show; bindkey "^T" show; print READY'
zpty -r -m shell out '*READY*READY*'
for line in "$@"; do
  zpty -n -w shell "$line"$'\\t\\x14'
  zpty -r -m shell out '*<*>*'
  line="\${\${\${out##*<}%%>*}% }"
  print -r -- "\${line##* }"
done
zpty -d shell`,
  fish: `source ./script
for line in $argv
  echo (complete -C $line | string replace -r '\\t.*' '')
end`,
} as const;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'completion-'));
  await writeFile(join(folder, 'devcluster'), '#!/bin/sh\necho "live-$3-$5"\n', { mode: 0o700 });
  await writeFile(join(folder, 'a-definition.json'), '{}');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe.each(['bash', 'zsh', 'fish'] as const)('completion in %s', (shell) => {
  const none = skipped(spawnSync(shell, ['--version']).status === 0, `completion in ${shell}`, `there is no ${shell}`);

  it.skipIf(none)(
    'gives commands, options, their values, names of what is there, and files',
    async () => {
      await writeFile(join(folder, 'script'), completionScript(shell, commands, globalOptions));
      const own = { bash: ['--norc'], zsh: ['-f'], fish: ['--no-config'] }[shell];
      // Behind -c, bash and zsh have a name for the shell itself; fish begins with the arguments.
      const behind = shell === 'fish' ? [] : [shell];
      const { stdout } = await promisify(execFile)(
        shell,
        [...own, '-c', programs[shell], ...behind, ...lines.map(([line]) => line)],
        { cwd: folder, env: { PATH: `${folder}:${process.env.PATH}`, HOME: folder }, timeout: 120_000 },
      );
      expect(stdout.trimEnd().split('\n')).toEqual(lines.map(([, completed]) => completed));
    },
    120_000,
  );

  it('names every command', () => {
    const script = completionScript(shell, commands, globalOptions);
    for (const { name } of commands) expect(script).toContain(name);
  });
});
