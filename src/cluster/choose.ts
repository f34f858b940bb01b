import type { ClusterConfig, Engine, ImageSetName, RuntimeKind } from '../config/types.ts';
import { engineOf } from '../plan/image-sets.ts';
import { type Component, components } from '../protocols/versions.ts';
import { dockerMissing } from '../runtime/index.ts';
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

/**
 * Where a new cluster runs and by whose programs. Asked for by name a choice is kept or refused; `auto` takes what is
 * here and never uses the network. Whether a real program is on this machine the runtime finds out.
 * @throws DevclusterError missing
 */
export function choose(config: Pick<ClusterConfig, 'runtime' | 'engine' | 'components' | 'images'>): Choice {
  if (config.runtime === 'docker') throw dockerMissing();
  const engine = config.engine === 'auto' ? 'embedded' : config.engine;
  const real = realComponents(config, engine);
  for (const component of real)
    if (!realAsProcess.includes(component))
      throw engineMissing(
        config.components[component].engine ? `the engine 'mesos' of ${component}` : `engine: ${engine}`,
      );
  const image = real.find((component) => config.components[component].image !== undefined);
  if (image) throw engineMissing(`the image of ${image}`);
  const picked = [
    ...(config.runtime === 'auto' ? ["runtime 'process' (this version has no other)"] : []),
    ...(config.engine === 'auto'
      ? [
          `engine 'embedded'${real.length > 0 ? ` for all but ${real.join(', ')}` : ''} (the runtime 'process' has no other)`,
        ]
      : []),
  ];
  return {
    runtime: 'process',
    engine,
    explanation: picked.length > 0 ? `auto: ${picked.join(', ')}` : undefined,
  };
}

/** The components that are to run by the real programs. */
export function realComponents(config: EngineChoices, engine: Engine, suitable?: ImageSetName): Component[] {
  return components.filter((component) => engineOf(config, engine, component, suitable) === 'mesos');
}

function engineMissing(what: string): DevclusterError {
  return new DevclusterError(
    'missing',
    'ENGINE_MISSING',
    `The real programs (${what}) run as containers only, and this version of devcluster has no 'docker' runtime; only ZooKeeper can be the real one`,
    {
      hint: "Use --engine embedded: devcluster's own servers speak the same protocols. Or leave the choice to `auto`.",
    },
  );
}
