import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createDemultiplexer } from '../../src/embedded/mesos-agent/docker/frames.ts';
import { httpCall } from '../../src/support/http-client.ts';

/** Of the engine that the suite runs on: this machine's, or the one that DOCKER_HOST names. */
export const socketPath = engineSocket();

function engineSocket(): string {
  const host = process.env.DOCKER_HOST || 'unix:///var/run/docker.sock';
  if (!host.startsWith('unix:///')) throw new Error(`These tests need an engine at a Unix socket, not at ${host}`);
  return host.slice('unix://'.length);
}

/** The engine, as tests look at it and tidy up behind themselves. */
export interface TestEngine {
  call<T = never>(method: string, path: string, json?: unknown): Promise<{ status: number; json: T }>;
  /** Takes an archive of images. */
  load(archive: Readable): Promise<void>;
  /** Ids of the containers with this label. */
  withLabel(label: string): Promise<string[]>;
  removeAll(label: string): Promise<void>;
  /** Runs a command in a container. @returns what it printed on standard output */
  exec(container: string, command: readonly string[]): Promise<string>;
}

/** Whether an engine answers; tests that need one are skipped otherwise. */
export async function engineAnswers(): Promise<boolean> {
  if (!existsSync(socketPath)) return false;
  return httpCall('http://docker/_ping', { socketPath, timeoutMs: 5000 }).then(
    ({ status }) => status === 200,
    () => false,
  );
}

export const testEngine: TestEngine = {
  async call(method, path, json) {
    const reply = await httpCall(`http://docker${path}`, {
      socketPath,
      method,
      ...(json === undefined ? {} : { body: JSON.stringify(json), headers: { 'Content-Type': 'application/json' } }),
    });
    const text = reply.body.toString();
    let parsed: unknown = text;
    try {
      parsed = JSON.parse(text);
    } catch {}
    return { status: reply.status, json: parsed as never };
  },
  load(archive) {
    return new Promise((resolve, reject) => {
      const upload = request(
        {
          socketPath,
          method: 'POST',
          path: '/images/load?quiet=1',
          headers: { 'Content-Type': 'application/x-tar' },
        },
        (response) => {
          let said = '';
          response.setEncoding('utf8').on('data', (chunk: string) => {
            said += chunk;
          });
          response.once('end', () =>
            response.statusCode === 200 && !said.includes('"error"')
              ? resolve()
              : reject(new Error(`not loaded: ${said}`)),
          );
        },
      );
      upload.once('error', reject);
      pipeline(archive, upload).catch(reject);
    });
  },
  async withLabel(label) {
    const filters = encodeURIComponent(JSON.stringify({ label: [label] }));
    const { json } = await this.call<{ Id: string }[]>('GET', `/containers/json?all=1&filters=${filters}`);
    return json.map(({ Id }) => Id);
  },
  async exec(container, Cmd) {
    const body = { Cmd, AttachStdout: true, AttachStderr: false };
    const { json } = await this.call<{ Id: string }>('POST', `/containers/${container}/exec`, body);
    const reply = await httpCall(`http://docker/exec/${json.Id}/start`, {
      socketPath,
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ Detach: false, Tty: false }),
    });
    return Buffer.concat(createDemultiplexer(false)(reply.body).stdout).toString();
  },
  async removeAll(label) {
    for (const id of await this.withLabel(label)) await this.call('DELETE', `/containers/${id}?force=1&v=1`);
  },
};

/** The one container of a task. */
export async function containerOf<T>(taskId: string): Promise<{ id: string; json: T }> {
  const [id, ...others] = await testEngine.withLabel(`devcluster.task=${taskId}`);
  if (id === undefined || others.length > 0)
    throw new Error(`${taskId} has ${others.length + (id ? 1 : 0)} containers`);
  return { id, json: (await testEngine.call<T>('GET', `/containers/${id}/json`)).json };
}

/** A port that nobody listens at just now. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
