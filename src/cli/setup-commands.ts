import { engineOption, nodesOption, runtimeOption, samplesOption } from './cluster-options.ts';
import type { CommandSpec, OptionSpec } from './spec.ts';

const places: readonly OptionSpec[] = [runtimeOption, engineOption, nodesOption, samplesOption];

/** The commands that help to begin, and when something is wrong. */
export const setupCommands: readonly CommandSpec[] = [
  {
    name: 'init',
    summary: 'write a commented devcluster.yml into this folder',
    options: places,
    details: 'On a terminal it asks for what no option says; with --yes it replaces a file that is there.',
    examples: ['devcluster init', 'devcluster init -c shop --nodes 3 --runtime process --no-samples'],
    load: () => import('./commands/init.ts'),
  },
  {
    name: 'onboard',
    summary: 'lead through checks, configuration, cluster and a first app',
    options: [{ flags: '--images', summary: 'fetch the images of the real programs, too' }],
    details: 'What is there already is kept, so that it can be run again; with --yes nothing is asked.',
    examples: ['devcluster onboard', 'devcluster onboard --yes --json'],
    load: () => import('./commands/onboard.ts'),
  },
  {
    name: 'support-bundle',
    summary: 'all that helps others to help, in one file; secrets are removed',
    options: [{ flags: '-o, --output <file>', summary: 'its name; default: devcluster-<cluster>-<time>.tar.gz' }],
    load: () => import('./commands/support-bundle.ts'),
  },
];
