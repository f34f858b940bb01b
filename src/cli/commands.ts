import { appCommands, targetOption } from './app-commands.ts';
import {
  engineOption,
  nodesOption,
  readyOption,
  runtimeOption,
  samplesOption,
  seedOption,
  waitOption,
} from './cluster-options.ts';
import { setupCommands } from './setup-commands.ts';
import type { CommandSpec } from './spec.ts';

const target = {
  name: 'target',
  summary: 'a node (node-2), one of its services (node-2/marathon), or a component everywhere (marathon)',
  names: 'services',
} as const;

/** What `devcluster` can do, in the order of its help. A command's file is loaded when it is run. */
export const commands: readonly CommandSpec[] = [
  {
    name: 'up',
    summary: 'create the cluster, or repair it to its configuration, and wait until it is ready',
    options: [
      runtimeOption,
      engineOption,
      nodesOption,
      samplesOption,
      seedOption,
      readyOption,
      {
        flags: '--pull <when>',
        summary: 'when images of real programs are pulled; default: missing',
        choices: ['missing', 'always', 'never'],
      },
      { flags: '--keep-failed', summary: 'keep what was started when it fails, to look into it' },
      waitOption,
    ],
    cleansUp: true,
    load: () => import('./commands/up.ts'),
  },
  {
    name: 'down',
    summary: 'remove the cluster and everything that belongs to it',
    options: [
      { flags: '--all', summary: 'all clusters' },
      { flags: '--keep-data', summary: "keep the services' data" },
      waitOption,
    ],
    load: () => import('./commands/down.ts'),
  },
  {
    name: 'stop',
    summary: 'stop the cluster, a node or a service; data and apps are kept',
    arguments: [target],
    options: [waitOption],
    load: () => import('./commands/stop.ts'),
  },
  {
    name: 'start',
    summary: 'start what was stopped, and wait until it is ready',
    arguments: [target],
    options: [readyOption, waitOption],
    load: () => import('./commands/start.ts'),
  },
  {
    name: 'restart',
    summary: 'stop and start the cluster, a node or a service',
    arguments: [target],
    options: [readyOption, waitOption],
    load: () => import('./commands/restart.ts'),
  },
  {
    name: 'node',
    summary: 'make a node fail on purpose, or end the fault',
    arguments: [
      {
        name: 'action',
        summary: 'what to do to the node',
        required: true,
        choices: ['kill', 'pause', 'resume', 'partition', 'heal'],
      },
      { name: 'node', summary: 'the node', required: true, names: 'nodes' },
    ],
    options: [waitOption],
    details: `\`partition\` cuts the node off from the others until \`heal\`, \`pause\` freezes it until \`resume\`; \`up\` or \`start\` brings
a killed node back.`,
    load: () => import('./commands/node.ts'),
  },
  {
    name: 'status',
    summary: 'what runs, who leads, what is unhealthy',
    options: [{ flags: '--watch', summary: 'again whenever something changed, until Ctrl-C' }],
    load: () => import('./commands/status.ts'),
  },
  { name: 'list', summary: 'all clusters of this user', load: () => import('./commands/list.ts') },
  {
    name: 'logs',
    summary: 'logs of services, nodes, apps and tasks',
    arguments: [
      {
        name: 'target',
        summary: 'node-2, node-2/marathon, marathon, app:/shop/web or task:ID; default: all services',
        names: 'logs',
      },
    ],
    options: [
      { flags: '-f, --follow', summary: 'go on with what is written from now on' },
      { flags: '--tail <n>', summary: 'only the last lines of each', type: 'integer' },
      { flags: '--since <time>', summary: 'only lines since then: 30s, 5m, 2h, or a date and time' },
      { flags: '--stderr', summary: 'of tasks only what they write on stderr' },
      { flags: '--finished', summary: 'of an app also the tasks that have ended' },
      targetOption,
    ],
    details: `Lines of services come by their times. Of an app whose tasks end again and again, the last one is shown; with -f
those that follow, however short they live. A line of stderr has a ! behind its source.`,
    examples: [
      'devcluster logs -f --tail 20',
      'devcluster logs node-2/marathon --since 5m',
      'devcluster logs app:/shop/web --stderr',
    ],
    load: () => import('./commands/logs.ts'),
  },
  {
    name: 'exec',
    summary: 'run a command on a node, or where a task runs',
    arguments: [
      { name: 'target', summary: 'a node, app:ID (its first running task) or task:ID', required: true, names: 'exec' },
      { name: 'command', summary: 'the command and its arguments, behind --', required: true, variadic: true },
    ],
    details: `Without Docker the command runs on this machine: with the node's environment, or in the task's sandbox with the
environment that the task has. With Docker it runs inside of the container.`,
    examples: ['devcluster exec node-1 -- env', 'devcluster exec app:/shop/web -- ls -l'],
    load: () => import('./commands/exec.ts'),
  },
  {
    name: 'open',
    summary: 'open a web page of the cluster in the browser',
    arguments: [{ name: 'page', summary: 'mesos, marathon or an app; default: marathon', names: 'pages' }],
    load: () => import('./commands/open.ts'),
  },
  {
    name: 'run',
    summary: 'run a command with a cluster of its own, which goes with it',
    arguments: [
      {
        name: 'command',
        summary: 'the command and its arguments, behind --; without one until Ctrl-C',
        variadic: true,
      },
    ],
    options: [
      { ...runtimeOption, summary: 'where services run; default: process' },
      { ...engineOption, summary: 'whose programs run; default: embedded' },
      nodesOption,
      seedOption,
      readyOption,
    ],
    details: 'The command finds the cluster by the variables that `devcluster env` prints; the exit code is its own.',
    cleansUp: true,
    load: () => import('./commands/run.ts'),
  },
  {
    name: 'env',
    summary: "the cluster's addresses as environment variables",
    options: [
      {
        flags: '--shell <shell>',
        summary: 'whose syntax; default: fish where that is the shell, else sh',
        choices: ['sh', 'bash', 'zsh', 'fish', 'dotenv'],
      },
    ],
    details: 'In a shell: eval "$(devcluster env)"',
    load: () => import('./commands/env.ts'),
  },
  {
    name: 'dns',
    summary: "ask the cluster's DNS",
    arguments: [
      { name: 'name', summary: 'for instance web.shop.marathon.mesos', required: true },
      { name: 'type', summary: 'A, AAAA, SRV, …; default: A' },
    ],
    load: () => import('./commands/dns.ts'),
  },
  ...appCommands,
  ...setupCommands,
  {
    name: 'prune',
    summary: 'remove what is left of clusters that nobody needs any more',
    details: `These are clusters that never got ready, whose test has ended, or whose record is damaged or lost: what is left of them
in Docker and among this user's processes is found without it. It lists what it found and asks; with --test, or with
--yes, it does not.`,
    options: [
      { flags: '--test', summary: 'only clusters of tests that have ended' },
      {
        flags: '--owner <id>',
        summary: 'with --test: of this owner, alive or not, and the commands that it had started',
      },
    ],
    load: () => import('./commands/prune.ts'),
  },
  {
    name: 'doctor',
    summary: 'check what clusters need on this machine',
    options: [{ flags: '--network', summary: 'ask the registries for the images too' }],
    load: () => import('./commands/doctor.ts'),
  },
  {
    name: 'generate',
    summary: 'what devcluster would run, as files to keep',
    arguments: [
      { name: 'what', summary: 'what to write', required: true, choices: ['config', 'inventory', 'compose'] },
    ],
    options: [{ flags: '-o, --output <file>', summary: 'a file instead of stdout' }],
    load: () => import('./commands/generate.ts'),
  },
  {
    name: 'images',
    summary: 'the images of the real programs, and old images of ours',
    arguments: [{ name: 'action', summary: 'list (the default), pull or prune', choices: ['list', 'pull', 'prune'] }],
    options: [
      { flags: '--set <set>', summary: 'which set of images', choices: ['auto', 'clusterd', 'apache', 'native-arm64'] },
      { flags: '--registry <registry>', summary: 'a registry that has the same images' },
      { flags: '--platform <platform>', summary: 'pull for this platform, like linux/amd64' },
      { flags: '--update', summary: 'pull what the tags mean now, and pin that' },
      {
        flags: '--keep <n>',
        summary: "prune: how many of each stay in any case; default: 2 of an app's, 1 of the nodes'",
        type: 'integer',
      },
    ],
    details: `Digests of what is pulled are pinned in devcluster.lock beside the configuration (without one, in the state folder),
so that everybody gets the same. A pull that was broken off goes on where it was.`,
    load: () => import('./commands/images.ts'),
  },
  {
    name: 'completion',
    summary: 'the script that completes commands in a shell',
    arguments: [{ name: 'shell', summary: 'the shell; default: bash', choices: ['bash', 'zsh', 'fish'] }],
    options: [
      {
        flags: '--names <kind>',
        summary: 'what the script asks for while somebody types',
        choices: ['clusters', 'targets', 'secrets', 'nodes', 'services', 'apps', 'logs', 'exec', 'pages'],
      },
    ],
    examples: ['source <(devcluster completion bash)', 'devcluster completion fish | source'],
    load: () => import('./commands/completion.ts'),
  },
  { name: 'version', summary: 'the version of devcluster', load: () => import('./commands/version.ts') },
];
