import type { ArgumentSpec, CommandSpec, OptionSpec } from './spec.ts';

const app: ArgumentSpec = { name: 'app', summary: "the app's id, for instance /shop/web", required: true };

/** What every command that starts a deployment takes. */
const waiting: readonly OptionSpec[] = [
  { flags: '--timeout <seconds>', summary: 'how long to wait for the deployment; default: 120', type: 'seconds' },
  { flags: '--no-wait', summary: "don't wait for the deployment" },
  { flags: '--force', summary: 'cancel a running deployment of the same app' },
];

/** The commands of the app life cycle. */
export const appCommands: readonly CommandSpec[] = [
  {
    name: 'apps',
    summary: 'the apps with their tasks and health',
    options: [{ flags: '--tasks', summary: 'a line for each task too' }],
    load: () => import('./commands/apps.ts'),
  },
  {
    name: 'deploy',
    summary: 'create or replace apps and groups from Marathon definitions',
    arguments: [{ name: 'file', summary: 'JSON or YAML files, or folders of them', required: true, variadic: true }],
    options: waiting,
    details:
      'String values may hold handlebars: {{cluster.name}}, {{cluster.domain}}, {{env.NAME}} (a variable of this shell).',
    load: () => import('./commands/deploy.ts'),
  },
  {
    name: 'scale',
    summary: 'change how many instances an app has',
    arguments: [app, { name: 'instances', summary: 'how many', required: true }],
    options: waiting,
    load: () => import('./commands/scale.ts'),
  },
  {
    name: 'update',
    summary: 'change single fields of an app',
    arguments: [app],
    options: [
      { flags: '--set <field=value>', summary: 'for instance env.COLOR=tomato or cpus=0.5; repeatable', type: 'list' },
      ...waiting,
    ],
    load: () => import('./commands/update.ts'),
  },
  {
    name: 'restart-app',
    summary: 'replace all instances of an app by new ones, by its upgrade strategy',
    arguments: [app],
    options: waiting,
    load: () => import('./commands/restart-app.ts'),
  },
  {
    name: 'rollback',
    summary: 'go back to an earlier version of an app',
    arguments: [app],
    options: [
      { flags: '--to <version>', summary: 'the version, as `apps --json` shows it; default: the one before' },
      ...waiting,
    ],
    load: () => import('./commands/rollback.ts'),
  },
  {
    name: 'remove',
    summary: 'remove an app, or a group with all its apps',
    arguments: [app],
    options: waiting,
    load: () => import('./commands/remove.ts'),
  },
  {
    name: 'samples',
    summary: 'list, deploy or remove the sample apps',
    arguments: [{ name: 'action', summary: 'default: list', choices: ['list', 'deploy', 'remove'] }],
    options: waiting,
    load: () => import('./commands/samples.ts'),
  },
];
