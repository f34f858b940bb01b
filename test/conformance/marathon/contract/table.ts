import type { Area, Fact } from './fact.ts';

/** The facts as the Markdown of docs/marathon.md. */
export function tableOf(areas: readonly Area[]): string {
  const all = areas.flatMap(({ facts }) => facts);
  const count = (state: string) => all.filter((fact) => stateOf(fact) === state).length;
  const sections = areas.map(
    ({ title, facts }) =>
      `### ${title}\n\n| Fact | State | Test |\n|---|---|---|\n${facts.map((fact) => `${rowOf(fact)}\n`).join('')}`,
  );
  return [
    '',
    '## The contract, fact by fact',
    '',
    `${all.length} facts: ${count('there')} there, ${count('partly')} partly, ${count('not there')} not there. ` +
      'Where the test is *contract*, it has the fact as its title, in `test/conformance/marathon/contract/`;',
    'the others are files below `test/`.',
    '',
    ...sections,
  ].join('\n');
}

function stateOf(fact: Fact): 'there' | 'partly' | 'not there' {
  if ('missing' in fact) return 'not there';
  return fact.partly === undefined ? 'there' : 'partly';
}

function rowOf(fact: Fact): string {
  const why = 'missing' in fact ? fact.missing : fact.partly;
  const state = why === undefined ? stateOf(fact) : `${stateOf(fact)}: ${why}`;
  const shownBy = 'missing' in fact ? '' : 'file' in fact ? `\`${fact.file}\`: ${fact.title}` : 'contract';
  return `| ${[fact.fact, state, shownBy].map(cell).join(' | ')} |`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
