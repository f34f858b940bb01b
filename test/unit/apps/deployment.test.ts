import { describe, expect, it } from 'vitest';
import { deployAndWait } from '../../../src/apps/deployment.ts';
import type { MarathonClient } from '../../../src/clients/marathon.ts';
import type { MarathonEvent } from '../../../src/protocols/marathon/types.ts';

const result = { version: '2026-01-01T00:00:00.000Z', deploymentId: 'd1' };

/** A Marathon whose deployment never ends, and whose event stream ends when it is not wanted any more. */
function busyMarathon(): MarathonClient {
  async function* events(signal?: AbortSignal): AsyncGenerator<MarathonEvent> {
    yield { eventType: 'event_stream_attached' } as MarathonEvent;
    if (!signal?.aborted) await new Promise((resolve) => signal?.addEventListener('abort', resolve, { once: true }));
  }
  const running = [{ id: 'd1', affectedApps: ['/a'] }];
  return { events, deployments: async () => running, queue: async () => [] } as unknown as MarathonClient;
}

describe('an interrupted wait for a deployment', () => {
  const interruption = new Error('interrupted');
  const options = (signal: AbortSignal) => ({ timeoutMs: 60_000, onProgress: () => {}, signal });

  it('ends with the interruption before the change', async () => {
    let changed = false;
    const change = async () => {
      changed = true;
      return result;
    };
    const deploying = deployAndWait(busyMarathon(), change, options(AbortSignal.abort(interruption)));
    await expect(deploying).rejects.toBe(interruption);
    expect(changed).toBe(false);
  });

  it('ends with the interruption during the change', async () => {
    const controller = new AbortController();
    const change = async () => {
      controller.abort(interruption);
      return result;
    };
    await expect(deployAndWait(busyMarathon(), change, options(controller.signal))).rejects.toBe(interruption);
  });

  it('ends with the interruption while it waits', async () => {
    const controller = new AbortController();
    const marathon = busyMarathon();
    const queue = async () => {
      controller.abort(interruption);
      return [];
    };
    const deploying = deployAndWait({ ...marathon, queue }, async () => result, options(controller.signal));
    await expect(deploying).rejects.toBe(interruption);
  });
});
