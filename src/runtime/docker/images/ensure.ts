import type Docker from 'dockerode';
import { DevclusterError, messageOf } from '../../../support/errors.ts';
import type { Progress } from '../../../support/progress.ts';
import type { PullPolicy } from '../../types.ts';
import { credentialsFor } from './credentials.ts';
import { describe, megabytes } from './layers.ts';
import { type PinnedDigests, readPins, writePins } from './lock-file.ts';
import { findImage, type PulledImage, pullImage, samePlatform } from './pull.ts';
import { parseReference } from './reference.ts';

export interface WantedImage {
  reference: string;
  /** Platforms it is published for, as far as known. */
  platforms: readonly string[];
  fallbacks: readonly string[];
}

export interface EnsureOptions {
  images: readonly WantedImage[];
  policy: PullPolicy;
  /** Where digests are pinned. */
  pinsFile: string;
  /** Takes what the references mean now instead of what they meant when they were pinned. */
  update: boolean;
  /** For all of them; undefined: the engine's own, or the only one there is. */
  platform?: string;
  progress: Progress;
  signal: AbortSignal;
  env: Readonly<Record<string, string | undefined>>;
}

export interface EnsuredImage extends PulledImage {
  reference: string;
  /** Whether it was here before. */
  pulled: boolean;
}

/** So many at once; engines fetch three layers of each at the same time. */
const atOnce = 3;

/**
 * Sees to it that the images are on the engine's machine. What was pinned is taken as it was; what is pulled for the
 * first time is pinned. When one fails the others are finished first: what they fetched is kept.
 * @throws DevclusterError about the first that failed
 */
export async function ensureImages(docker: Docker, options: EnsureOptions): Promise<EnsuredImage[]> {
  const { policy, pinsFile, signal } = options;
  const images = [...new Map(options.images.map((image) => [image.reference, image])).values()];
  const present = await Promise.all(images.map(({ reference }) => findImage(docker, reference)));
  const missing = images.filter((_, i) => present[i] === undefined);
  if (policy === 'never' && missing.length > 0) throw notHere(missing);
  const pins = policy === 'never' ? {} : await readPins(pinsFile);
  // One that is here with another content than was pinned is as good as missing; one made here has no digest.
  const outdated = images.filter(({ reference }, i) => {
    const [pinned, digest] = [pins[reference], present[i]?.digest];
    return pinned !== undefined && digest !== undefined && pinned !== digest;
  });
  const wanted = policy === 'always' ? images : policy === 'missing' ? [...missing, ...outdated] : [];
  const results = new Map<string, PulledImage>();
  if (wanted.length > 0) {
    const steps = options.progress.steps(wanted.map(({ reference }) => `Pulling ${reference}`));
    const failures: unknown[] = [];
    const queue = wanted.map((image, i) => ({ image, step: steps[i]! }));
    const work = async () => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const { image, step } = next;
        try {
          const pulled = await pullOne(docker, image, pins, options, (text) => step.update(text));
          results.set(image.reference, pulled);
          step.done(`${megabytes(pulled.bytes)} MB, ${pulled.platform}`);
        } catch (error) {
          step.fail(messageOf(error).split('\n')[0]);
          failures.push(error);
          if (signal.aborted) return;
        }
      }
    };
    await Promise.all(Array.from({ length: atOnce }, work));
    await pin(pinsFile, pins, results, options.update);
    signal.throwIfAborted();
    await tellForeign(docker, results, options);
    if (failures.length > 0) throw failures[0];
  }
  return images.map(({ reference }, i) => {
    const pulled = results.get(reference);
    return { reference, pulled: pulled !== undefined, ...(pulled ?? present[i]!) };
  });
}

async function pullOne(
  docker: Docker,
  { reference, platforms, fallbacks }: WantedImage,
  pins: PinnedDigests,
  { env, update, signal, ...options }: EnsureOptions,
  say: (text: string) => void,
): Promise<PulledImage> {
  const auth = await credentialsFor(parseReference(reference).registry, env);
  const platform = options.platform ?? (platforms.length === 1 ? platforms[0] : undefined);
  const digest = update ? undefined : pins[reference];
  return pullImage(docker, {
    reference,
    fallbacks,
    signal,
    onProgress: (state) => say(describe(state)),
    ...(platform === undefined ? {} : { platform }),
    ...(digest === undefined ? {} : { digest }),
    ...(auth ? { auth } : {}),
  });
}

async function pin(
  file: string,
  before: PinnedDigests,
  results: ReadonlyMap<string, PulledImage>,
  update: boolean,
): Promise<void> {
  const pins: Record<string, string> = { ...before };
  for (const [reference, { digest }] of results)
    if (digest !== undefined && (update || pins[reference] === undefined)) pins[reference] = digest;
  if (JSON.stringify(pins) !== JSON.stringify(before)) await writePins(file, pins);
}

/** Engines take images for other kinds of machines without a word; whether they can run them shows when they do. */
async function tellForeign(
  docker: Docker,
  results: ReadonlyMap<string, PulledImage>,
  { platform, progress }: EnsureOptions,
): Promise<void> {
  if (results.size === 0 || platform !== undefined) return;
  const { Os: os, Arch: arch } = await docker.version();
  for (const [reference, pulled] of results)
    if (!samePlatform(pulled.platform, `${os}/${arch}`))
      progress.warn(
        `${reference} is for ${pulled.platform}, and the engine's machine is ${os}/${arch}: it runs by emulation, if at all`,
      );
}

function notHere(missing: readonly WantedImage[]): DevclusterError {
  const names = missing.map(({ reference }) => reference);
  return new DevclusterError(
    'missing',
    'IMAGES_MISSING',
    `${names.length === 1 ? 'An image is' : 'Images are'} not on the engine's machine: ${names.join(', ')}`,
    {
      hint: 'Fetch them with `devcluster images pull`, leave out --pull never, or take --engine embedded.',
      details: { missing: names },
    },
  );
}
