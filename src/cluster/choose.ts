import type { ClusterConfig, Engine, RuntimeKind } from '../config/types.ts';
import { dockerMissing } from '../runtime/index.ts';
import { DevclusterError } from '../support/errors.ts';

export interface Choice {
  runtime: RuntimeKind;
  engine: Engine;
  /** What `auto` picked, why, and how to get the other; undefined when nothing was left to it. */
  explanation: string | undefined;
}

/**
 * Where a new cluster runs and by whose programs. Asked for by name a choice is kept or refused; `auto` takes what is
 * here and never uses the network.
 * @throws DevclusterError missing
 */
export function choose(config: Pick<ClusterConfig, 'runtime' | 'engine' | 'components'>): Choice {
  if (config.runtime === 'docker') throw dockerMissing();
  if (config.engine === 'mesos') throw engineMissing('engine: mesos');
  for (const [component, { engine }] of Object.entries(config.components))
    if (engine === 'mesos') throw engineMissing(`the engine 'mesos' of ${component}`);
  const picked = [
    ...(config.runtime === 'auto' ? ["runtime 'process' (this version has no other)"] : []),
    ...(config.engine === 'auto' ? ["engine 'embedded' (the runtime 'process' has no other)"] : []),
  ];
  return {
    runtime: 'process',
    engine: 'embedded',
    explanation: picked.length > 0 ? `auto: ${picked.join(', ')}` : undefined,
  };
}

function engineMissing(what: string): DevclusterError {
  return new DevclusterError(
    'missing',
    'ENGINE_MISSING',
    `The real programs (${what}) run as containers only, and this version of devcluster has no 'docker' runtime`,
    {
      hint: "Use --engine embedded: devcluster's own servers speak the same protocols. Or leave the choice to `auto`.",
    },
  );
}
