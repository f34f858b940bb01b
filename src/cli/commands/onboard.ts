import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findConfigFile } from '../../config/find.ts';
import { exitCodes } from '../../support/errors.ts';
import { ask, canAsk } from '../ask.ts';
import type { CommandContext, CommandModule, Output } from '../spec.ts';

/** What came of a step. */
interface StepReport {
  step: string;
  state: 'done' | 'skipped' | 'failed';
  result?: unknown;
}

const firstApp = {
  id: '/hello',
  cmd: 'while true; do echo "hello from $HOST"; sleep 5; done',
  instances: 1,
  cpus: 0.1,
  mem: 32,
};

/**
 * `onboard`: from nothing to a running app, step by step: checks, configuration, images, cluster, first app. What writes
 * files asks first on a terminal; what is there already is kept, so that it can be run again.
 */
export async function run(context: CommandContext): Promise<number> {
  const reports: StepReport[] = [];
  const heading = (text: string) => context.progress.note(`\n${context.output.style.bold(text)}`);
  const step = async (name: string, load: () => Promise<CommandModule>, own: Partial<CommandContext> = {}) => {
    const { output, texts, documents } = collect(context.output);
    const code = (await (await load()).run({ ...context, arguments: {}, options: {}, ...own, output })) ?? 0;
    for (const text of texts) context.progress.note(text);
    reports.push({ step: name, state: code === 0 ? 'done' : 'failed', result: documents[0] });
    return code;
  };

  heading('1. This machine');
  const unhealthy = await step('doctor', () => import('./doctor.ts'));
  if (unhealthy !== 0) return end(context, reports, unhealthy);

  heading('2. Configuration');
  const found = await findConfigFile(context.cwd);
  if (found) {
    context.progress.note(`${found.path} is there.`);
    reports.push({ step: 'init', state: 'skipped' });
  } else if (await agree(context, 'Write a devcluster.yml into this folder?')) {
    await step('init', () => import('./init.ts'));
  } else reports.push({ step: 'init', state: 'skipped' });

  if (context.options.images === true) {
    heading('Images of the real programs');
    const missing = await step('images', () => import('./images.ts'), { arguments: { action: 'pull' } });
    if (missing !== 0) return end(context, reports, missing);
  }

  heading('3. Cluster');
  const down = await step('up', () => import('./up.ts'));
  if (down !== 0) return end(context, reports, down);

  heading('4. First app');
  const names = ['marathon.json', 'marathon.yml', 'marathon.yaml'];
  const file = names.find((name) => existsSync(join(context.cwd, name)));
  if (!file && (await agree(context, 'Write a small app into marathon.json?')))
    await writeFile(join(context.cwd, 'marathon.json'), `${JSON.stringify(firstApp, undefined, 2)}\n`, { flag: 'wx' });
  let code = 0;
  if (names.some((name) => existsSync(join(context.cwd, name))))
    code = await step('deploy', () => import('./deploy.ts'), { arguments: { file: undefined } });
  else reports.push({ step: 'deploy', state: 'skipped' });
  return end(context, reports, code);
}

function end(context: CommandContext, steps: readonly StepReport[], code: number): number {
  const next =
    code === exitCodes.ok
      ? [
          '',
          'You are set up. Try next:',
          '  devcluster apps                  what runs',
          '  devcluster logs app:/hello -f    what an app writes',
          '  devcluster open marathon         its web interface',
          '  devcluster deploy                after a change of marathon.json',
          '  devcluster secret set NAME       for {{secret.NAME}} in a definition',
          '  devcluster down                  when you are done',
        ]
      : ['', 'Correct what is said above, then run `devcluster onboard` again: it goes on from there.'];
  context.output.result({ steps, ok: code === exitCodes.ok }, next.join('\n'));
  return code;
}

/** Yes for scripts and with --yes. */
async function agree(context: CommandContext, question: string): Promise<boolean> {
  if (context.globals.yes || !canAsk(context)) return true;
  return ask(async (inquirer, output) => {
    const prompt = inquirer.createPromptModule({ output });
    return (await prompt<{ yes: boolean }>([{ type: 'confirm', name: 'yes', message: question, default: true }])).yes;
  });
}

/** What a step would print, kept: the whole prints one result. */
function collect({ style, json, color }: Output): { output: Output; texts: string[]; documents: unknown[] } {
  const texts: string[] = [];
  const documents: unknown[] = [];
  const add = (document: unknown, text: string) => {
    documents.push(document);
    if (text && !json) texts.push(text);
  };
  return { output: { json, color, style, result: add, event: add }, texts, documents };
}
