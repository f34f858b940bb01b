import type Docker from 'dockerode';
import type { AuthConfig, ImageInspectInfo } from 'dockerode';
import { DevclusterError } from '../../../support/errors.ts';
import { sleep } from '../../../support/retry.ts';
import { engineMessage, statusOf } from '../errors.ts';
import { explainPull, isTransient } from './explain.ts';
import { countLayers, type PullMessage, type PullState } from './layers.ts';
import { nameOf, parseReference } from './reference.ts';

export interface PullOptions {
  reference: string;
  /** `linux/amd64`; undefined: the engine's own. */
  platform?: string;
  /** The content that was pinned for the reference: another is not taken. */
  digest?: string;
  fallbacks: readonly string[];
  auth?: AuthConfig;
  onProgress(state: PullState): void;
  signal: AbortSignal;
  /** Before the second attempt; doubled before each further one. */
  retryDelayMs?: number;
}

/** An image that is on the engine's machine now. */
export interface PulledImage {
  id: string;
  /** Of its content in the registry; undefined for an image that never was in one. */
  digest: string | undefined;
  /** `linux/amd64` */
  platform: string;
  bytes: number;
}

const mostAttempts = 4;

/**
 * Pulls an image, with its layers as they come; layers that are there are not fetched again, so a pull that was broken
 * off goes on where it was. What the registry's moods break is tried again.
 * @throws DevclusterError saying what is wrong and what to do; the engine's own errors
 */
export async function pullImage(docker: Docker, options: PullOptions): Promise<PulledImage> {
  const { reference, platform, digest, auth, signal } = options;
  const wanted = digest === undefined ? reference : `${nameOf(reference)}@${digest}`;
  const request = {
    reference,
    ...(platform === undefined ? {} : { platform }),
    fallbacks: options.fallbacks,
    loggedIn: auth !== undefined,
  };
  for (let attempt = 1; ; attempt++) {
    const failure = await attemptPull(docker, wanted, options);
    if (failure === undefined) break;
    if (attempt === mostAttempts || !isTransient(failure)) throw explainPull(failure, request);
    await sleep((options.retryDelayMs ?? 1000) * 2 ** (attempt - 1), signal);
  }
  if (digest !== undefined) {
    const { tag = 'latest' } = parseReference(reference);
    await docker.getImage(wanted).tag({ repo: nameOf(reference), tag });
  }
  const pulled = await findImage(docker, reference);
  if (!pulled) throw explainPull('the engine said that it was pulled, but it is not there', request);
  if (platform !== undefined && !samePlatform(pulled.platform, platform))
    throw new DevclusterError('missing', 'WRONG_PLATFORM', `${reference} is for ${pulled.platform}, not ${platform}`, {
      hint: 'Leave out --platform to take it as it is, or name another image.',
    });
  return pulled;
}

/** @returns what the engine says went wrong; undefined when all was well */
async function attemptPull(docker: Docker, wanted: string, options: PullOptions): Promise<string | undefined> {
  const { platform, auth, signal, onProgress } = options;
  signal.throwIfAborted();
  let stream: NodeJS.ReadableStream;
  try {
    stream = await docker.pull(wanted, {
      ...(platform === undefined ? {} : { platform }),
      ...(auth ? { authconfig: auth } : {}),
      abortSignal: signal,
    });
  } catch (error) {
    signal.throwIfAborted();
    if (statusOf(error) === undefined) throw error;
    return engineMessage(error);
  }
  const layers = countLayers();
  let rest = '';
  // The status of the answer was sent before anything was pulled: what goes wrong then is said in the stream.
  const read = (line: string): string | undefined => {
    if (!line.trim()) return undefined;
    const message = JSON.parse(line) as PullMessage;
    if (message.error !== undefined || message.errorDetail)
      return message.errorDetail?.message ?? message.error ?? 'unknown';
    const state = layers.add(message);
    if (state) onProgress(state);
    return undefined;
  };
  try {
    for await (const chunk of stream) {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const failure = read(line);
        if (failure !== undefined) return failure;
      }
    }
    return read(rest);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** The image by a reference, if the engine has it. */
export async function findImage(docker: Docker, reference: string): Promise<PulledImage | undefined> {
  let found: ImageInspectInfo;
  try {
    found = await docker.getImage(reference).inspect();
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
  const { repository, registry } = parseReference(reference);
  const digest = (found.RepoDigests ?? [])
    .map((each) => parseReference(each))
    .find((each) => each.repository === repository && each.registry === registry)?.digest;
  const variant = (found as { Variant?: string }).Variant;
  return {
    id: found.Id,
    digest,
    platform: `${found.Os}/${found.Architecture}${variant ? `/${variant}` : ''}`,
    bytes: found.Size,
  };
}

/** `linux/arm64` is every variant of it. */
function samePlatform(one: string, other: string): boolean {
  return one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`);
}
