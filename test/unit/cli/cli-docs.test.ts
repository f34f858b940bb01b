import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { commandReference } from '../../../src/cli/cli-docs.ts';
import { commands } from '../../../src/cli/commands.ts';
import { parseArguments } from '../../../src/cli/parse.ts';

describe('docs/cli.md', () => {
  it('is current: else run `npm run cli-docs`', () => {
    const written = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8');
    expect(written).toBe(commandReference(commands));
  });
});

describe('help', () => {
  it('fits a terminal of 80 columns, but for lines to be copied', () => {
    const request = parseArguments(['--help'], commands);
    const lines = request.kind === 'text' ? request.text.split('\n') : [];
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    for (const { name } of commands) {
      const help = parseArguments([name, '--help'], commands);
      const text = help.kind === 'text' ? help.text : '';
      expect(
        text.split('\n').filter((line) => line.length > 120),
        name,
      ).toEqual([]);
    }
  });

  it('has examples that are accepted', () => {
    for (const { examples = [] } of commands)
      for (const example of examples) {
        const [, line] = /(?:^|\| |\()devcluster (.*?)(?:\)| \||$)/.exec(example) ?? [];
        expect(parseArguments(line!.split(' '), commands).kind, example).toBe('command');
      }
  });
});
