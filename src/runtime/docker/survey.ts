import { cgroupsOf, type EngineTraits } from '../../plan/image-sets.ts';
import { messageOf } from '../../support/errors.ts';
import { askEngine, askJson } from './client.ts';
import { engineEndpoint } from './endpoint.ts';

/** What is known of this user's Docker engine before anything is decided. */
export type EngineSurvey =
  | { available: true; version: string; traits: EngineTraits; images: ReadonlySet<string> }
  /** @property error why, as it is thrown when the engine was asked for by name */
  | { available: false; reason: string; error: unknown };

/** `auto` must not keep anybody waiting; who asks for Docker by name waits for one that is busy. */
const timeoutsMs = { auto: 1_000, docker: 10_000 } as const;

/** Looks for the engine and at the images it has. Uses no network but the way to the engine; never throws. */
export async function surveyEngine(
  env: Readonly<Record<string, string | undefined>>,
  asked: keyof typeof timeoutsMs = 'auto',
): Promise<EngineSurvey> {
  const timeoutMs = timeoutsMs[asked];
  try {
    const endpoint = engineEndpoint(env);
    const facts = await askEngine(endpoint, timeoutMs);
    const [info, images] = await Promise.all([
      askJson<{ CgroupVersion?: string; CgroupDriver?: string }>(endpoint, '/info', timeoutMs),
      askJson<{ RepoTags?: string[] | null }[]>(endpoint, '/images/json', timeoutMs),
    ]);
    return {
      available: true,
      version: facts.version,
      traits: { arch: facts.arch, cgroups: cgroupsOf(info) },
      images: new Set((images ?? []).flatMap(({ RepoTags }) => RepoTags ?? [])),
    };
  } catch (error) {
    return { available: false, reason: messageOf(error), error };
  }
}
