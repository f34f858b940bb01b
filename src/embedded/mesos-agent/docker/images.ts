import { messageOf } from '../../../support/errors.ts';
import { type Engine, EngineError, whileAway } from './engine.ts';
import { registryAuth } from './registry-auth.ts';

/** Brings images to the engine. */
export interface Images {
  /**
   * Pulls the image if it is not here, or in any case.
   * @param sandbox where the task's URIs may have brought credentials
   * @throws Error fit for a task's message, or the signal's reason
   */
  fetch(image: string, force: boolean, sandbox: string, signal: AbortSignal): Promise<void>;
}

interface Pull {
  done: Promise<void>;
  waiting: number;
  stop: AbortController;
}

export function createImages(options: {
  engine: Engine;
  /** The engine's socket, for messages. */
  socket: string;
  /** The flag `docker_config`. */
  config: string | undefined;
  /** How long an engine that is away is waited for. */
  timeoutMs: number;
}): Images {
  const { engine, timeoutMs } = options;
  const pulls = new Map<string, Pull>();

  /** Several tasks that want the same at the same time share it; it stops when nobody wants it any more. */
  const pull = async (image: string, sandbox: string, signal: AbortSignal): Promise<void> => {
    const auth = await registryAuth(image, sandbox, options.config);
    const key = JSON.stringify([image, auth]);
    let shared = pulls.get(key);
    if (!shared) {
      const stop = new AbortController();
      const done = whileAway(() => engine.pull(image, auth, stop.signal), stop.signal, timeoutMs);
      const made: Pull = { done, waiting: 0, stop };
      const forget = () => pulls.get(key) === made && pulls.delete(key);
      done.then(forget, forget);
      pulls.set(key, made);
      shared = made;
    }
    shared.waiting++;
    try {
      await unlessAborted(shared.done, signal);
    } finally {
      shared.waiting--;
      if (shared.waiting === 0 && signal.aborted) {
        pulls.delete(key);
        shared.stop.abort(new Error('nobody wants the image any more'));
      }
    }
  };

  return {
    async fetch(image, force, sandbox, signal) {
      if (image === '') throw new Error('the task names no image');
      if (!force && (await whileAway(() => engine.hasImage(image), signal, timeoutMs))) return;
      try {
        await pull(image, sandbox, signal);
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        throw new Error(
          `Failed to run 'docker -H unix://${options.socket} pull ${image}': exited with status 1; stderr='Error response from daemon: ${messageOf(error)}\n'`,
        );
      }
    },
  };
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
