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
  /** How long a registry may say nothing. */
  silenceMs?: number;
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
/** Engines wait without end for an answer, and for the rest of a layer; unpacking a large one says nothing either. */
const defaultSilenceMs = 120_000;
/** What fails this late without anything having come fails again: nobody shall wait several times for it. */
const longestVainMs = 20_000;

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
    ...(digest === undefined ? {} : { digest }),
    fallbacks: options.fallbacks,
    loggedIn: auth !== undefined,
  };
  for (let attempt = 1; ; attempt++) {
    const begunAt = performance.now();
    const { failure, received } = await attemptPull(docker, wanted, options);
    if (failure === undefined) break;
    const inVain = !received && performance.now() - begunAt > longestVainMs;
    if (attempt === mostAttempts || inVain || !isTransient(failure)) throw explainPull(failure, request);
    await sleep((options.retryDelayMs ?? 1000) * 2 ** (attempt - 1), signal);
  }
  if (digest !== undefined) {
    const { tag = 'latest' } = parseReference(reference);
    await docker.getImage(wanted).tag({ repo: nameOf(reference), tag });
  }
  let pulled = await findImage(docker, reference);
  // Newer engines keep several platforms under one name, and tell of their own unless they are asked.
  if (pulled && platform !== undefined && !samePlatform(pulled.platform, platform))
    pulled = (await findImage(docker, reference, platform)) ?? pulled;
  if (!pulled) throw explainPull('the engine said that it was pulled, but it is not there', request);
  if (platform !== undefined && !samePlatform(pulled.platform, platform))
    throw new DevclusterError('missing', 'WRONG_PLATFORM', `${reference} is for ${pulled.platform}, not ${platform}`, {
      hint: 'Leave out --platform to take it as it is, or name another image.',
    });
  return pulled;
}

interface Attempt {
  /** What the engine says went wrong; undefined when all was well. */
  failure: string | undefined;
  /** Whether anything of a layer came. */
  received: boolean;
}

async function attemptPull(docker: Docker, wanted: string, options: PullOptions): Promise<Attempt> {
  const { platform, auth, signal, onProgress, silenceMs = defaultSilenceMs } = options;
  signal.throwIfAborted();
  const layers = countLayers();
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), silenceMs);
  const heard = () => {
    clearTimeout(timer);
    // Writing a layer to the disk takes what it takes.
    if (!layers.unpacking) timer = setTimeout(() => silence.abort(), silenceMs);
  };
  const ended = (failure: string | undefined): Attempt => ({ failure, received: layers.state.received > 0 });
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
    const stream = await docker.pull(wanted, {
      ...(platform === undefined ? {} : { platform }),
      ...(auth ? { authconfig: auth } : {}),
      abortSignal: AbortSignal.any([signal, silence.signal]),
    });
    for await (const chunk of stream) {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const failure = read(line);
        if (failure !== undefined) return ended(failure);
      }
      heard();
    }
    return ended(read(rest));
  } catch (error) {
    signal.throwIfAborted();
    if (silence.signal.aborted) return ended(`it has sent nothing for ${silenceMs / 1000} s (timeout)`);
    // A stream that breaks off has no status: the engine is gone.
    if (statusOf(error) === undefined) throw error;
    return ended(engineMessage(error));
  } finally {
    clearTimeout(timer);
  }
}

/** The image by a reference, if the engine has it. @param platform which of several, for engines that keep several */
export async function findImage(
  docker: Docker,
  reference: string,
  platform?: string,
): Promise<PulledImage | undefined> {
  let found: ImageInspectInfo;
  try {
    found = await (platform === undefined
      ? docker.getImage(reference).inspect()
      : inspectPlatform(docker, reference, platform));
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

/** Engines from API 1.49 on look for the platform; older ones have only one. */
function inspectPlatform(docker: Docker, reference: string, platform: string): Promise<ImageInspectInfo> {
  const [os, architecture, variant] = platform.split('/');
  return new Promise((resolve, reject) => {
    const call = {
      path: `/images/${reference}/json?`,
      method: 'GET',
      options: { platform: JSON.stringify({ os, architecture, variant }) },
      statusCodes: { 200: true, 404: 'no such image', 500: 'server error' },
    };
    docker.modem.dial(call, (error, found) => (error ? reject(error) : resolve(found as ImageInspectInfo)));
  });
}

/** `linux/arm64` is every variant of it. */
export function samePlatform(one: string, other: string): boolean {
  return one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`);
}
