import type { OptionSpec } from './spec.ts';

/** What several commands take about the cluster that they make or change. */
export const runtimeOption: OptionSpec = {
  flags: '--runtime <runtime>',
  summary: 'where services run; default: auto, which is docker where an engine answers',
  choices: ['auto', 'docker', 'process'],
};
export const engineOption: OptionSpec = {
  flags: '--engine <engine>',
  summary: 'whose programs run; default: auto, which is mesos where all its images are here',
  choices: ['auto', 'mesos', 'embedded'],
};
export const nodesOption: OptionSpec = { flags: '--nodes <n>', summary: 'how many nodes; default: 3', type: 'integer' };
export const samplesOption: OptionSpec = { flags: '--no-samples', summary: 'without the sample apps' };
export const seedOption: OptionSpec = {
  flags: '--seed <text>',
  summary: 'make the random choices of the servers repeatable',
};
export const readyOption: OptionSpec = {
  flags: '--timeout <seconds>',
  summary: 'give up when it is not ready by then; default: 120, and more for real programs',
  type: 'seconds',
};
export const waitOption: OptionSpec = {
  flags: '--wait',
  summary: 'wait for another command that changes this cluster, instead of an error',
};
