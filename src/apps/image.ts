import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DevclusterError, messageOf, systemCode } from '../support/errors.ts';
import type { GitFacts } from './git.ts';

/** Labels of images that `deploy` built; `images prune` finds them by the first. */
export const imageLabels = {
  /** The repository's name, without a tag. */
  source: 'devcluster.deploy.source',
  version: 'devcluster.deploy.version',
} as const;

/** The folder of the Dockerfile for a definition: the definition's own, or the nearest above, up to the working tree's top. */
export function findDockerfile(definition: string, root: string): string | undefined {
  for (let folder = dirname(definition); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'Dockerfile'))) return folder;
    if (folder === root || dirname(folder) === folder) return undefined;
  }
}

/** What an image is called: the working tree's name made fit, or as the user names it, tagged with the content's version. */
export function imageName(git: Pick<GitFacts, 'name' | 'version'>, repository?: string): string {
  const plain = git.name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return `${repository ?? `devcluster/${plain || 'app'}`}:${git.version}`;
}

export interface BuildOptions {
  /** Told each line that the build prints. */
  onLine: (line: string) => void;
  signal: AbortSignal;
}

/** How many of the last lines of a failed build are shown. */
const lastLines = 15;

/**
 * Builds an image with the `docker` program, which knows contexts, .dockerignore and BuildKit as the user has them set
 * up. One that is there under the same name has the same content and is not built again.
 * @returns whether it was built
 * @throws DevclusterError missing: no docker, or it doesn't answer; deployment: the Dockerfile fails
 */
export async function buildImage(name: string, folder: string, options: BuildOptions): Promise<boolean> {
  if ((await docker(['image', 'inspect', '--format', '{{.Id}}', name], options)).code === 0) return false;
  const tag = name.lastIndexOf(':');
  const labels = [`${imageLabels.source}=${name.slice(0, tag)}`, `${imageLabels.version}=${name.slice(tag + 1)}`];
  const { code, lines } = await docker(
    [
      'build',
      '--tag',
      name,
      ...labels.flatMap((label) => ['--label', label]),
      '--file',
      join(folder, 'Dockerfile'),
      folder,
    ],
    options,
  );
  if (code === 0) return true;
  const last = lines.slice(-lastLines);
  if (last.some((line) => /cannot connect to the docker daemon|error during connect/i.test(line)))
    throw new DevclusterError('missing', 'NO_DOCKER', `The image can't be built: ${last.join(' ')}`, {
      hint: 'Start Docker, then try again; `devcluster doctor` checks it.',
    });
  throw new DevclusterError(
    'deployment',
    'IMAGE_BUILD_FAILED',
    [`Building ${name} failed. Its last lines:`, ...last.map((line) => `  ${line}`)].join('\n'),
    { hint: `Correct ${join(folder, 'Dockerfile')}; nothing was deployed.`, details: { image: name, lines: last } },
  );
}

/** Brings an image to its registry, where the agents of another cluster find it. @throws DevclusterError */
export async function pushImage(name: string, options: BuildOptions): Promise<void> {
  const { code, lines } = await docker(['push', name], options);
  if (code === 0) return;
  throw new DevclusterError(
    'missing',
    'IMAGE_PUSH_FAILED',
    [`Pushing ${name} failed:`, ...lines.slice(-5)].join('\n'),
    {
      hint: 'Name a registry that you may push to with --image, and log in with `docker login`.',
    },
  );
}

async function docker(args: readonly string[], options: BuildOptions): Promise<{ code: number; lines: string[] }> {
  const { execa } = await import('execa');
  const lines: string[] = [];
  const child = execa('docker', args, { all: true, reject: false, stdin: 'ignore', cancelSignal: options.signal });
  try {
    for await (const line of child.iterable({ from: 'all' })) {
      lines.push(line);
      options.onLine(line);
    }
  } catch {
    // What went wrong is in the result.
  }
  const result = await child;
  options.signal.throwIfAborted();
  if (result.exitCode !== undefined) return { code: result.exitCode, lines };
  const missing = systemCode(result.cause) === 'ENOENT';
  throw new DevclusterError(
    'missing',
    'NO_DOCKER',
    missing
      ? 'There is no program `docker` to build the image with'
      : `docker can't be run: ${messageOf(result.cause)}`,
    { hint: 'Install it, or name an image that is there in the definition instead of {{image}}.', cause: result.cause },
  );
}
