import { forbiddenMixes } from '../config/rules.ts';
import type { ClusterConfig, Engine, ImageSetName, RuntimeKind } from '../config/types.ts';
import { engineOf, imagesOf, suitableSet } from '../plan/image-sets.ts';
import { type Component, components } from '../protocols/versions.ts';
import type { EngineSurvey } from '../runtime/docker/survey.ts';
import { DevclusterError } from '../support/errors.ts';

export interface Choice {
  runtime: RuntimeKind;
  engine: Engine;
  /** What `auto` picked, why, and how to get the other; undefined when nothing was left to it. */
  explanation: string | undefined;
}

type EngineChoices = Pick<ClusterConfig, 'components' | 'images'>;

/** Components whose real programs run as local processes too. */
const realAsProcess: readonly Component[] = ['zookeeper'];

/** What the choice depends on besides the configuration. */
export interface ChoiceFacts {
  /** The Docker engine; undefined when nobody asked because the configuration leaves nothing open. */
  docker: EngineSurvey | undefined;
}

type Choices = Pick<ClusterConfig, 'runtime' | 'engine' | 'components' | 'images'>;

/** Whether the choice depends on a Docker engine. */
export function needsSurvey({ runtime }: Pick<ClusterConfig, 'runtime'>): boolean {
  return runtime !== 'process';
}

/**
 * Where a new cluster runs and by whose programs. Asked for by name a choice is kept or refused; `auto` takes what is
 * here and never uses the network. Whether a real program is on this machine the runtime finds out.
 * @throws DevclusterError missing
 */
export function choose(config: Choices, { docker }: ChoiceFacts): Choice {
  if (config.runtime === 'docker' && docker?.available === false) throw docker.error;
  const inDocker = config.runtime === 'docker' || (config.runtime === 'auto' && docker?.available === true);
  const choice = inDocker ? chooseInDocker(config, docker) : chooseAsProcess(config, docker);
  refuseMixes(config, choice.engine, docker?.available ? suitableSet(docker.traits) : undefined);
  return choice;
}

/**
 * What the configuration leaves to `auto` may end in a mix that can't work.
 * @throws DevclusterError usage
 */
function refuseMixes(config: Choices, engine: Engine, suitable: ImageSetName | undefined): void {
  const of = (component: Component) => engineOf(config, engine, component, suitable);
  const engines = { 'mesos-master': of('mesos-master'), 'mesos-agent': of('mesos-agent'), marathon: of('marathon') };
  const [mix] = forbiddenMixes(engines);
  if (mix)
    throw new DevclusterError('usage', 'ENGINES_DO_NOT_MIX', `components.${mix.component}.engine: ${mix.message}`, {
      hint: `What is left open is '${engine}' here: set engine: mesos for all that belong together, or leave it out for ${mix.component}.`,
      details: { engines },
    });
}

function chooseInDocker(config: Choices, docker: EngineSurvey | undefined): Choice {
  const survey = docker?.available ? docker : undefined;
  const missing = survey ? missingImages(config, survey) : ['the images'];
  const lacksCgroups = survey?.traits.cgroups === 'none';
  const engine =
    config.engine === 'auto' ? (missing.length === 0 && !lacksCgroups ? 'mesos' : 'embedded') : config.engine;
  if (lacksCgroups && realComponents(config, engine, suitableSet(survey.traits)).includes('mesos-agent'))
    throw new DevclusterError(
      'missing',
      'ENGINE_WITHOUT_CGROUPS',
      'Real agents need cgroups, and the Docker engine may use none: it could not end all of their processes',
      {
        hint: 'A rootless engine has cgroups on a machine with cgroup v2 whose systemd delegates them to the user. Or take --engine embedded.',
      },
    );
  const picked = [
    ...(config.runtime === 'auto'
      ? [`runtime 'docker' (engine ${survey?.version ?? 'unknown'} answers; --runtime process needs none)`]
      : []),
    ...(config.engine === 'auto'
      ? [
          engine === 'mesos'
            ? "engine 'mesos' (all its images are here; --engine embedded starts faster)"
            : lacksCgroups
              ? "engine 'embedded' (the Docker engine may not use cgroups, which real agents need)"
              : `engine 'embedded' (not here: ${missing.join(', ')}; --engine mesos pulls what it needs)`,
        ]
      : []),
  ];
  return { runtime: 'docker', engine, explanation: explain(picked) };
}

/** References of the images that the engine `mesos` would need and that are not on the engine's machine. */
function missingImages(config: Choices, { traits, images }: EngineSurvey & { available: true }): string[] {
  const suitable = suitableSet(traits);
  const needed = imagesOf(config, 'mesos', suitable).map(({ reference }) => reference);
  return [...new Set(needed)].filter((reference) => !images.has(reference));
}

function chooseAsProcess(config: Choices, docker: EngineSurvey | undefined): Choice {
  const engine = config.engine === 'auto' ? 'embedded' : config.engine;
  const real = realComponents(config, engine);
  for (const component of real)
    if (!realAsProcess.includes(component))
      throw engineMissing(
        config.components[component].engine ? `the engine 'mesos' of ${component}` : `engine: ${engine}`,
        docker,
      );
  const image = real.find((component) => config.components[component].image !== undefined);
  if (image) throw engineMissing(`the image of ${image}`, docker);
  const picked = [
    ...(config.runtime === 'auto'
      ? [`runtime 'process' (${docker?.available === false ? lowerFirst(docker.reason) : 'Docker was not looked for'})`]
      : []),
    ...(config.engine === 'auto'
      ? [
          `engine 'embedded'${real.length > 0 ? ` for all but ${real.join(', ')}` : ''} (the other, 'mesos', runs in Docker)`,
        ]
      : []),
  ];
  return { runtime: 'process', engine, explanation: explain(picked) };
}

function explain(picked: readonly string[]): string | undefined {
  return picked.length > 0 ? `auto: ${picked.join(', ')}` : undefined;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** The components that are to run by the real programs. */
export function realComponents(config: EngineChoices, engine: Engine, suitable?: ImageSetName): Component[] {
  return components.filter((component) => engineOf(config, engine, component, suitable) === 'mesos');
}

function engineMissing(what: string, docker: EngineSurvey | undefined): DevclusterError {
  const why = docker?.available === false ? `, and ${lowerFirst(docker.reason)}` : '';
  return new DevclusterError(
    'missing',
    'ENGINE_MISSING',
    `The real programs (${what}) run in Docker only${why}; as a local process only ZooKeeper can be the real one`,
    {
      hint: "Use --runtime docker, or --engine embedded: devcluster's own servers speak the same protocols.",
    },
  );
}
