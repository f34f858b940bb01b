import type Docker from 'dockerode';
import { answers, askEngine, connectionsTo, type EngineFacts, loadClient } from './client.ts';
import { type EngineEndpoint, engineEndpoint } from './endpoint.ts';
import { type EngineMachine, engineMachine } from './engine-machine.ts';
import { engineError, engineSilent } from './errors.ts';
import { createLifeline } from './lifeline.ts';

/** An engine and how it is spoken to; nothing is loaded or asked before it is needed. */
export interface Engine {
  readonly endpoint: EngineEndpoint;
  /** @throws DevclusterError missing */
  facts(): Promise<EngineFacts>;
  /** @throws DevclusterError missing */
  machine(): Promise<EngineMachine>;
  /**
   * Runs `work` with the client; what the engine refuses becomes an error that a user can act on, and so does an engine
   * that falls silent meanwhile.
   */
  with<T>(work: (docker: Docker) => Promise<T>): Promise<T>;
}

const factsTimeoutMs = 5_000;

/** @throws DevclusterError usage, missing: for settings that name no engine */
export function openEngine(env: Readonly<Record<string, string | undefined>>): Engine {
  const endpoint = engineEndpoint(env);
  const connections = connectionsTo(endpoint);
  const lifeline = createLifeline({
    ping: (timeoutMs) => answers(endpoint, timeoutMs),
    cut: () => connections.destroy(),
    error: () => engineSilent(endpoint),
  });
  let docker: Promise<Docker> | undefined;
  let facts: Promise<EngineFacts> | undefined;
  let machine: Promise<EngineMachine> | undefined;
  return {
    endpoint,
    facts() {
      facts ??= askEngine(endpoint, factsTimeoutMs);
      return facts;
    },
    machine() {
      machine ??= engineMachine(endpoint, factsTimeoutMs);
      return machine;
    },
    async with(work) {
      docker ??= loadClient(endpoint, connections);
      const client = await docker;
      try {
        return await lifeline.during(() => work(client));
      } catch (error) {
        throw engineError(error, endpoint);
      }
    },
  };
}
