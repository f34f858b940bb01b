import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { maxNodes } from '../../config/defaults.ts';
import { clusterNamePattern, clusterNameRule } from '../../config/names.ts';
import { DevclusterError } from '../../support/errors.ts';
import { ask, canAsk, confirm } from '../ask.ts';
import { type InitAnswers, initFile, nameFor } from '../init-file.ts';
import { type CommandContext, numberOption, textOption } from '../spec.ts';

/** `init`: writes a commented devcluster.yml; asks for what no option says, if there is somebody to ask. */
export async function run(context: CommandContext): Promise<void> {
  const file = join(context.cwd, 'devcluster.yml');
  if (existsSync(file) && !context.globals.yes) {
    if (!canAsk(context))
      throw new DevclusterError('conflict', 'FILE_EXISTS', 'There is a devcluster.yml in this folder', {
        hint: 'Edit it, or write it anew with --yes.',
      });
    await confirm(context, 'There is a devcluster.yml in this folder. Write it anew?');
  }
  const answers = await findAnswers(context);
  if (!clusterNamePattern.test(answers.name))
    throw new DevclusterError('usage', 'USAGE', `'${answers.name}' can't be the name of a cluster`, {
      hint: `Use ${clusterNameRule}.`,
    });
  if (answers.nodes < 1 || answers.nodes > maxNodes)
    throw new DevclusterError('usage', 'USAGE', `A cluster has 1 to ${maxNodes} nodes, not ${answers.nodes}`);
  await writeFile(file, initFile(answers));
  context.output.result({ file, ...answers }, 'Wrote devcluster.yml. Next: devcluster up');
}

async function findAnswers(context: CommandContext): Promise<InitAnswers> {
  const { options } = context;
  const given: InitAnswers = {
    name: context.globals.cluster ?? nameFor(basename(context.cwd)),
    nodes: numberOption(context, 'nodes') ?? 3,
    runtime: (textOption(context, 'runtime') ?? 'auto') as InitAnswers['runtime'],
    engine: (textOption(context, 'engine') ?? 'auto') as InitAnswers['engine'],
    samples: options.samples !== false,
  };
  const silent =
    ['nodes', 'runtime', 'engine'].some((name) => options[name] !== undefined) || options.samples === false;
  if (silent || context.globals.yes || !canAsk(context)) return given;
  return ask((inquirer, output) =>
    inquirer.createPromptModule({ output })<InitAnswers>([
      {
        type: 'input',
        name: 'name',
        message: 'Name of the cluster:',
        default: given.name,
        validate: (text: string) => clusterNamePattern.test(text) || `Use ${clusterNameRule}.`,
      },
      {
        type: 'select',
        name: 'nodes',
        message: 'How many nodes?',
        default: given.nodes,
        choices: [
          { value: 3, name: '3: survives the loss of one' },
          { value: 1, name: '1: smallest and fastest' },
          { value: 5, name: '5: survives the loss of two' },
        ],
      },
      {
        type: 'select',
        name: 'runtime',
        message: 'Where shall it run?',
        default: given.runtime,
        choices: [
          { value: 'auto', name: 'auto: in Docker if there is one, else as processes' },
          { value: 'process', name: 'process: local processes, no Docker needed' },
          { value: 'docker', name: 'docker: containers' },
        ],
      },
      {
        type: 'select',
        name: 'engine',
        message: 'Whose programs?',
        default: given.engine,
        choices: [
          { value: 'auto', name: "auto: the real ones if their images are here, else devcluster's own" },
          { value: 'embedded', name: "embedded: devcluster's own servers" },
          { value: 'mesos', name: 'mesos: the real ones' },
        ],
      },
      { type: 'confirm', name: 'samples', message: 'With the sample apps?', default: given.samples },
    ]),
  );
}
