import { Agent, type IncomingMessage } from 'node:http';
import { systemCode } from '../../../support/errors.ts';
import { httpCall, httpStream } from '../../../support/http-client.ts';
import { retry } from '../../../support/retry.ts';
import type { ContainerRequest } from './request.ts';

/** A refusal of the engine; the message is the engine's own. */
export class EngineError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** What is read of GET /containers/{id}/json; all of it goes into a task's status as it came. */
export interface ContainerInspect {
  Id: string;
  State: {
    Status: string;
    Running: boolean;
    Restarting: boolean;
    OOMKilled: boolean;
    ExitCode: number;
    Error: string;
    StartedAt: string;
    FinishedAt: string;
  };
  Config: { Labels: Record<string, string> | null; Env: string[] | null; Tty: boolean };
  HostConfig: { NetworkMode: string };
  NetworkSettings: { Networks: Record<string, { IPAddress?: string }> | null };
}

export interface ContainerSummary {
  Id: string;
  State: string;
  Labels: Record<string, string>;
}

export interface EngineEvent {
  Action: string;
  Actor: { ID: string };
}

/** What is read of GET /containers/{id}/stats. */
export interface EngineStats {
  cpu_stats?: { cpu_usage?: { total_usage?: number; usage_in_usermode?: number; usage_in_kernelmode?: number } };
  memory_stats?: { usage?: number; limit?: number; stats?: Record<string, number> };
}

/** An image's registry, as `X-Registry-Auth` wants it. */
export type RegistryAuth = Record<string, string>;

/**
 * The part of the Docker Engine API that an agent needs, over its unix socket. Refusals are EngineErrors; everything
 * else that is thrown means that the engine is away (see `isAway`).
 * It is spoken to with the HTTP client that is here anyway: a client library would cost each node 26 MB and 0.3 s.
 */
export interface Engine {
  hasImage(image: string): Promise<boolean>;
  /** @throws EngineError with the reason, also for those told in the middle of the stream */
  pull(image: string, auth: RegistryAuth | undefined, signal: AbortSignal): Promise<void>;
  /** @returns the new container's id */
  create(name: string, request: ContainerRequest): Promise<string>;
  connect(network: string, container: string): Promise<void>;
  start(container: string): Promise<void>;
  /** @returns undefined when there is none */
  inspect(container: string): Promise<ContainerInspect | undefined>;
  /** The stop signal, and SIGKILL after so many seconds; resolves when it has ended. None there is fine too. */
  stop(container: string, seconds: number): Promise<void>;
  /** With its anonymous volumes, running or not. None there is fine too. */
  remove(container: string): Promise<void>;
  list(labels: Readonly<Record<string, string>>): Promise<ContainerSummary[]>;
  /** What it has written, framed unless it has a terminal; with `follow` also what it will write until it ends. */
  logs(container: string, follow: boolean, signal: AbortSignal): Promise<IncomingMessage>;
  /** A line of JSON per event of containers with these labels. */
  events(
    labels: Readonly<Record<string, string>>,
    actions: readonly string[],
    signal: AbortSignal,
  ): Promise<IncomingMessage>;
  /** Runs a command in the container. @returns its exit code */
  exec(container: string, command: readonly string[], signal: AbortSignal): Promise<number>;
  stats(container: string): Promise<EngineStats>;
}

/** Newer versions leave out fields that are read here. */
const newestApi = '1.44';
/** An engine that is busy with images or short of processor takes its time; one that says nothing for so long is away. */
const answerMs = 120_000;

export function createEngine(socketPath: string): Engine {
  // A connection kept from before an engine's restart would fail once; a new one to a local socket costs nothing.
  const agent = new Agent({ keepAlive: false });
  let version: Promise<string> | undefined;

  const url = (path: string) => `http://docker${path}`;
  const common = { socketPath, agent, timeoutMs: answerMs };

  /** The API's version that both sides know; asked once, and again after any failure. */
  const prefix = (): Promise<string> => {
    version ??= (async () => {
      const { status, body } = await httpCall(url('/version'), { ...common, timeoutMs: 10_000 });
      if (status !== 200) throw new EngineError(503, `the engine answers /version with ${status}`);
      const { ApiVersion = '1.41' } = JSON.parse(body.toString('utf8')) as { ApiVersion?: string };
      const minor = (text: string) => Number(text.split('.')[1]);
      return `/v${minor(ApiVersion) < minor(newestApi) ? ApiVersion : newestApi}`;
    })();
    version.catch(() => {
      version = undefined;
    });
    return version;
  };

  const call = async <T>(method: string, path: string, options: CallOptions = {}): Promise<T | undefined> => {
    const { json, signal, timeoutMs = answerMs } = options;
    try {
      const reply = await httpCall(url(`${await prefix()}${path}`), {
        ...common,
        method,
        timeoutMs,
        ...(json === undefined ? {} : { body: JSON.stringify(json), headers: { 'Content-Type': 'application/json' } }),
        ...(signal ? { signal } : {}),
      });
      const text = reply.body.toString('utf8');
      if (reply.status >= 400) throw refusal(reply.status, text);
      return text === '' ? undefined : (JSON.parse(text) as T);
    } catch (error) {
      if (isAway(error)) version = undefined;
      throw error;
    }
  };

  const stream = async (path: string, signal: AbortSignal, options: StreamOptions = {}): Promise<IncomingMessage> => {
    const { json, ...rest } = options;
    const response = await httpStream(url(`${await prefix()}${path}`), {
      ...common,
      ...rest,
      ...(json === undefined
        ? {}
        : { body: JSON.stringify(json), headers: { 'Content-Type': 'application/json', ...rest.headers } }),
      signal,
    });
    if ((response.statusCode ?? 500) < 400) return response;
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    throw refusal(response.statusCode ?? 500, Buffer.concat(chunks).toString('utf8'));
  };

  /** For what need not be there any more. */
  const unlessGone = (error: unknown): undefined => {
    if (error instanceof EngineError && (error.status === 404 || error.status === 409)) return undefined;
    throw error;
  };
  const of = (container: string) => `/containers/${encodeURIComponent(container)}`;
  const filters = (labels: Readonly<Record<string, string>>, more: object = {}) =>
    encodeURIComponent(
      JSON.stringify({ label: Object.entries(labels).map(([name, value]) => `${name}=${value}`), ...more }),
    );

  return {
    async hasImage(image) {
      try {
        await call('GET', `/images/${encodeURI(image)}/json`);
        return true;
      } catch (error) {
        if (error instanceof EngineError && error.status === 404) return false;
        throw error;
      }
    },
    async pull(image, auth, signal) {
      const { name, tag } = splitImage(image);
      const query = `fromImage=${encodeURIComponent(name)}&tag=${encodeURIComponent(tag)}`;
      const headers = auth ? { 'X-Registry-Auth': Buffer.from(JSON.stringify(auth)).toString('base64url') } : {};
      const progress = await stream(`/images/create?${query}`, signal, { method: 'POST', headers });
      for await (const line of linesOf(progress)) {
        const { error } = parse<{ error?: string }>(line) ?? {};
        if (error !== undefined) throw new EngineError(500, error);
      }
    },
    async create(name, request) {
      const created = await call<{ Id: string }>('POST', `/containers/create?name=${encodeURIComponent(name)}`, {
        json: request,
      });
      return created?.Id ?? name;
    },
    async connect(network, container) {
      await call('POST', `/networks/${encodeURIComponent(network)}/connect`, { json: { Container: container } });
    },
    async start(container) {
      await call('POST', `${of(container)}/start`);
    },
    async inspect(container) {
      try {
        return await call<ContainerInspect>('GET', `${of(container)}/json`);
      } catch (error) {
        if (error instanceof EngineError && error.status === 404) return undefined;
        throw error;
      }
    },
    async stop(container, seconds) {
      const timeoutMs = answerMs + seconds * 1000;
      await call('POST', `${of(container)}/stop?t=${seconds}`, { timeoutMs }).catch(unlessGone);
    },
    async remove(container) {
      await call('DELETE', `${of(container)}?force=1&v=1`).catch(unlessGone);
    },
    async list(labels) {
      return (await call<ContainerSummary[]>('GET', `/containers/json?all=1&filters=${filters(labels)}`)) ?? [];
    },
    logs: (container, follow, signal) =>
      stream(`${of(container)}/logs?follow=${Number(follow)}&stdout=1&stderr=1`, signal),
    events: (labels, actions, signal) =>
      stream(`/events?filters=${filters(labels, { type: ['container'], event: actions })}`, signal),
    async exec(container, command, signal) {
      const made = await call<{ Id: string }>('POST', `${of(container)}/exec`, {
        json: { Cmd: command, AttachStdout: true, AttachStderr: true },
        signal,
      });
      const path = `/exec/${made?.Id}`;
      const output = await stream(`${path}/start`, signal, { method: 'POST', json: { Detach: false, Tty: false } });
      for await (const _ of output);
      const done = await call<{ ExitCode: number | null }>('GET', `${path}/json`, { signal });
      return done?.ExitCode ?? 255;
    },
    async stats(container) {
      const path = `${of(container)}/stats?stream=false&one-shot=true`;
      return (await call<EngineStats>('GET', path, { timeoutMs: 2000 })) ?? {};
    },
  };
}

interface CallOptions {
  json?: unknown;
  signal?: AbortSignal;
  timeoutMs?: number;
}

interface StreamOptions {
  method?: string;
  headers?: Record<string, string>;
  json?: unknown;
}

/** Whether no engine was there to answer, or one that is about to end: asked again it may well answer. */
export function isAway(error: unknown): boolean {
  if (error instanceof EngineError) return error.status === 503;
  return systemCode(error) !== undefined && (error as Error).name !== 'AbortError';
}

/** Does something again and again for as long as the engine is away. @throws the last error after the time limit */
export function whileAway<T>(act: () => Promise<T>, signal: AbortSignal, timeoutMs?: number): Promise<T> {
  return retry(act, { delayMs: 100, signal, retryable: isAway, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
}

function refusal(status: number, text: string): EngineError {
  return new EngineError(status, parse<{ message?: string }>(text)?.message ?? (text.trim() || `status ${status}`));
}

function parse<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}

/** `registry:5000/a/b:tag`, `a@sha256:…`; without a tag `latest`, since the engine would pull all of them. */
export function splitImage(image: string): { name: string; tag: string } {
  const digest = image.indexOf('@');
  if (digest >= 0) return { name: image.slice(0, digest), tag: image.slice(digest + 1) };
  const colon = image.lastIndexOf(':');
  if (colon <= image.lastIndexOf('/')) return { name: image, tag: 'latest' };
  return { name: image.slice(0, colon), tag: image.slice(colon + 1) };
}

/** The lines of a stream of text. */
export async function* linesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') yield line;
  }
  if (rest.trim() !== '') yield rest;
}
