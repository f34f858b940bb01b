import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createWorkplace, type Workplace } from '../integration/devcluster.ts';
import { testEngine } from './test-engine.ts';

/** What `docker inspect` says of a container, as far as tests look at it. */
export interface Inspected {
  Id: string;
  Name: string;
  Mounts: { Type: string; Source: string; Destination: string }[];
  State: { Status: string; StartedAt: string };
  Config: { Labels: Record<string, string>; Hostname: string; Image: string };
  HostConfig: {
    RestartPolicy: { Name: string };
    LogConfig: { Type: string; Config: Record<string, string> };
    NetworkMode: string;
  };
  NetworkSettings: {
    Networks: Record<string, { IPAddress: string }>;
    Ports: Record<string, { HostIp: string; HostPort: string }[] | null>;
  };
}

export interface DockerWorkplace extends Workplace {
  /** A container of the cluster by the end of its name: `node-1`, `node-1-zookeeper`. */
  inspect(name: string): Promise<Inspected>;
  /** `POST /containers/<name>/<action>`, behind devcluster's back. */
  act(name: string, action: string): Promise<void>;
  /** Names of everything in the engine that belongs to the cluster. */
  remains(): Promise<string[]>;
}

/** Three nodes with four task ports each. */
export const fewPorts = 'version: 1\nnodes: [{ ports: 4 }, { ports: 4 }, { ports: 4 }]\n';

/** A user's surroundings whose clusters run in Docker, with `fewPorts` as their configuration. */
export async function createDockerWorkplace(
  env: Record<string, string> = {},
  prefix: readonly string[] = [],
): Promise<DockerWorkplace> {
  const place = await createWorkplace({
    env: { DEVCLUSTER_RUNTIME: 'docker', DEVCLUSTER_ENGINE: 'embedded', ...env },
    prefix,
  });
  // Every published port costs the engine time, and few are used here.
  await writeFile(join(place.folder, 'devcluster.yml'), fewPorts);
  const path = (name: string) => `/containers/devcluster-${place.cluster}-${name}`;
  return {
    ...place,
    async inspect(name) {
      const { status, json } = await testEngine.call<Inspected>('GET', `${path(name)}/json`);
      if (status !== 200) throw new Error(`there is no container ${name}`);
      return json;
    },
    async act(name, action) {
      const { status, json } = await testEngine.call<{ message?: string }>('POST', `${path(name)}/${action}`);
      if (status >= 400) throw new Error(`${action} ${name}: ${json?.message}`);
    },
    async remains() {
      const filters = encodeURIComponent(JSON.stringify({ label: [`devcluster.cluster=${place.cluster}`] }));
      const [containers, networks, volumes] = await Promise.all([
        testEngine.call<{ Names: string[] }[]>('GET', `/containers/json?all=1&filters=${filters}`),
        testEngine.call<{ Name: string }[]>('GET', `/networks?filters=${filters}`),
        testEngine.call<{ Volumes: { Name: string }[] | null }>('GET', `/volumes?filters=${filters}`),
      ]);
      return [
        ...containers.json.flatMap(({ Names }) => Names),
        ...networks.json.map(({ Name }) => Name),
        ...(volumes.json.Volumes ?? []).map(({ Name }) => Name),
      ];
    },
  };
}
