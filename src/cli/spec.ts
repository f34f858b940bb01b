import type { Progress } from '../support/progress.ts';

/** Names that only the running program knows, for completion. */
export type NameKind = 'clusters' | 'targets' | 'secrets' | 'nodes' | 'services' | 'apps' | 'logs' | 'exec' | 'pages';

export interface ArgumentSpec {
  name: string;
  summary: string;
  required?: boolean;
  /** Takes all that follow; its value is a list. */
  variadic?: boolean;
  choices?: readonly string[];
  /** What completes it. */
  names?: NameKind;
}

export interface OptionSpec {
  /** As commander takes them: `-f, --follow`, `--nodes <n>`, `--no-samples`. */
  flags: string;
  summary: string;
  choices?: readonly string[];
  /** What completes its value. */
  names?: NameKind;
  /** `integer`: a whole number ≥ 0; `seconds`: a number ≥ 0; `list`: may be repeated. Default: text. */
  type?: 'integer' | 'seconds' | 'list';
}

/** A command as one line of the table: nothing of what it does is loaded before it is run. */
export interface CommandSpec {
  name: string;
  summary: string;
  /** Text shown below the options by --help. */
  details?: string;
  /** Command lines that show what it is for. */
  examples?: readonly string[];
  arguments?: readonly ArgumentSpec[];
  options?: readonly OptionSpec[];
  /** It undoes what it began when its signal aborts; other commands are ended at once by Ctrl-C. */
  cleansUp?: boolean;
  load: () => Promise<CommandModule>;
}

export interface CommandModule {
  /** @returns the exit code when it isn't 0; errors are thrown */
  run(context: CommandContext): Promise<number | undefined> | Promise<void>;
}

export interface GlobalOptions {
  cluster: string | undefined;
  config: string | undefined;
  json: boolean;
  quiet: boolean;
  verbose: boolean;
  /** Whether the user allows colours; a pipe has none in any case. */
  color: boolean;
  /** Every question is answered with yes. */
  yes: boolean;
}

export type OptionValue = string | number | boolean | string[] | undefined;

export interface CommandContext {
  /** By the name in the table. */
  arguments: Readonly<Record<string, string | string[] | undefined>>;
  /** By the long name in camel case: `--keep-failed` is `keepFailed`, `--no-samples` is `samples: false`. */
  options: Readonly<Record<string, OptionValue>>;
  globals: GlobalOptions;
  output: Output;
  progress: Progress;
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP, with an error of kind `interrupted` as its reason. */
  signal: AbortSignal;
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
}

/** What commands write on stdout. */
export interface Output {
  readonly json: boolean;
  /** Whether the text has colours. */
  readonly color: boolean;
  /** Colours for the text, if stdout has them. */
  readonly style: Style;
  /** The result, once: the document with --json, else the text (a final newline is added when it lacks one). */
  result(document: unknown, text: string): void;
  /** One line of a stream: a document in one line with --json, else the text. */
  event(document: unknown, text: string): void;
}

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

/** The argument as one text, or undefined. */
export function argument(context: CommandContext, name: string): string | undefined {
  const value = context.arguments[name];
  return Array.isArray(value) ? value[0] : value;
}

/** The variadic argument's values. */
export function argumentList(context: CommandContext, name: string): string[] {
  const value = context.arguments[name];
  return Array.isArray(value) ? value : value === undefined ? [] : [value];
}

export function textOption(context: CommandContext, name: string): string | undefined {
  const value = context.options[name];
  return typeof value === 'string' ? value : undefined;
}

export function numberOption(context: CommandContext, name: string): number | undefined {
  const value = context.options[name];
  return typeof value === 'number' ? value : undefined;
}

export function listOption(context: CommandContext, name: string): string[] {
  const value = context.options[name];
  return Array.isArray(value) ? value : [];
}
