import type { ArgumentSpec, CommandSpec, OptionSpec } from './spec.ts';

const app: ArgumentSpec = {
  name: 'app',
  summary: "the app's id, for instance /shop/web",
  required: true,
  names: 'apps',
};

/** What every command takes that is about apps, wherever they are. */
export const targetOption: OptionSpec = {
  flags: '--target <name>',
  summary: 'a target by name or URL instead of the cluster; `local` is the cluster',
  names: 'targets',
};

/** What every command that starts a deployment takes. */
const waiting: readonly OptionSpec[] = [
  targetOption,
  { flags: '--timeout <seconds>', summary: 'how long to wait for the deployment; default: 120', type: 'seconds' },
  { flags: '--no-wait', summary: "don't wait for the deployment" },
  { flags: '--force', summary: 'cancel a running deployment of the same app' },
];

const definitionOptions: readonly OptionSpec[] = [
  { flags: '--image <repository>', summary: 'what {{image}} is called, without its tag; default: devcluster/<folder>' },
  { flags: '--plain-secrets', summary: 'put the values of secrets into definitions, where others can read them' },
];

const templateHelp = `String values may hold handlebars: {{git.commit}}, {{git.branch}}, {{git.dirty}}, {{env.NAME}} (a variable of
this shell), {{secret.NAME}} (as a whole value of env, or as the secret of a volume), {{cluster.name}},
{{cluster.domain}}, and {{image}}: the image of the Dockerfile beside the definition or above it, which is built first
and tagged with the commit.`;

/** The commands of the app life cycle. */
export const appCommands: readonly CommandSpec[] = [
  {
    name: 'apps',
    summary: 'the apps and pods with their tasks and health',
    options: [{ flags: '--tasks', summary: 'a line for each task too' }, targetOption],
    load: () => import('./commands/apps.ts'),
  },
  {
    name: 'deploy',
    summary: 'create or replace apps and groups from Marathon definitions, and build their image',
    arguments: [
      {
        name: 'file',
        summary: 'JSON or YAML files, or folders of them; default: marathon.json (.yml, .yaml) here',
        variadic: true,
      },
    ],
    options: [
      { flags: '--dry-run', summary: 'only show what would change, as `diff` does' },
      { flags: '--rollback', summary: 'go back to what ran before when it is not done in time' },
      ...definitionOptions,
      ...waiting,
    ],
    details: templateHelp,
    examples: [
      'devcluster deploy',
      'devcluster deploy app.json db.yml --rollback --timeout 60',
      'devcluster deploy --target shared --image registry.example.com/shop/web',
    ],
    load: () => import('./commands/deploy.ts'),
  },
  {
    name: 'diff',
    summary: 'what `deploy` would change about what runs',
    details: 'Pods of a group are deployed with it, but not compared.',
    arguments: [{ name: 'file', summary: 'as for `deploy`', variadic: true }],
    options: [...definitionOptions, targetOption],
    load: () => import('./commands/diff.ts'),
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
      { flags: '--to <version>', summary: 'a version or a commit, as `history` shows them; default: the one before' },
      ...waiting,
    ],
    load: () => import('./commands/rollback.ts'),
  },
  {
    name: 'history',
    summary: 'the versions of an app that can be gone back to',
    arguments: [app],
    options: [{ flags: '--limit <n>', summary: 'how many; default: 10', type: 'integer' }, targetOption],
    load: () => import('./commands/history.ts'),
  },
  {
    name: 'remove',
    summary: 'remove an app, or a group with all its apps',
    arguments: [app],
    options: waiting,
    load: () => import('./commands/remove.ts'),
  },
  {
    name: 'events',
    summary: 'what Marathon tells, as it happens, until Ctrl-C',
    options: [
      { flags: '-f, --follow', summary: 'what it does anyhow: there are no events of the past' },
      { flags: '--app <id>', summary: 'only about an app, or the apps of a group' },
      { flags: '--type <type>', summary: 'only of a type, for instance deployment_success; repeatable', type: 'list' },
      targetOption,
    ],
    examples: ['devcluster events --app /shop', 'devcluster events --json | jq .eventType'],
    load: () => import('./commands/events.ts'),
  },
  {
    name: 'secret',
    summary: 'secrets for apps, which refer to them with {{secret.NAME}}',
    arguments: [
      { name: 'action', summary: 'default: list', choices: ['set', 'import', 'list', 'remove'] },
      { name: 'name', summary: 'the name; for import a .env file', names: 'secrets' },
    ],
    details: `The value comes from standard input or a prompt, never from an argument. It is kept in a file that only you can
read, and only the app's tasks get it. In Docker, \`docker inspect\` shows the environment of a task to whoever may use
Docker; a secret given as a file is not seen there.`,
    examples: ['printf %s "$PASSWORD" | devcluster secret set DB_PASSWORD', 'devcluster secret import .env'],
    load: () => import('./commands/secret.ts'),
  },
  {
    name: 'target',
    summary: 'other Marathons, to which apps are deployed with --target',
    arguments: [
      { name: 'action', summary: 'default: list', choices: ['add', 'list', 'use', 'remove'] },
      { name: 'name', summary: 'the name of the target', names: 'targets' },
      { name: 'url', summary: 'where its Marathon is, for add' },
    ],
    options: [
      {
        flags: '--user <name>',
        summary: 'for HTTP basic authentication; the password is asked for, or read from stdin',
      },
      { flags: '--token', summary: 'for a token, which is asked for, or read from stdin' },
      { flags: '--ca <file>', summary: 'certificates to trust, PEM' },
    ],
    examples: [
      'devcluster target add shared https://marathon.example.com --user anna',
      'devcluster deploy --target shared',
      'devcluster target use shared',
    ],
    load: () => import('./commands/target.ts'),
  },
  {
    name: 'samples',
    summary: 'list, deploy or remove the sample apps',
    arguments: [{ name: 'action', summary: 'default: list', choices: ['list', 'deploy', 'remove'] }],
    options: waiting,
    load: () => import('./commands/samples.ts'),
  },
];
