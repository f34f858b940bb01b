import type { PodStatus } from '../protocols/marathon/pods.ts';
import type {
  AppInfo,
  AppJson,
  DeploymentInfo,
  DeploymentResult,
  ErrorBody,
  GroupInfo,
  MarathonEvent,
  MarathonEventType,
  MarathonInfo,
  QueueItem,
  Task,
} from '../protocols/marathon/types.ts';
import { DevclusterError } from '../support/errors.ts';
import { httpStream } from '../support/http-client.ts';
import { askAny, authorization, type Endpoint } from './http.ts';

/** What a caller may leave out of a definition: everything but the id. */
export type AppInput = { id: string } & Record<string, unknown>;
export type GroupInput = { id: string } & Record<string, unknown>;

export interface Force {
  /** Cancels deployments that lock the app. */
  force?: boolean;
}

/** Marathon's REST API, for the real one and the embedded one alike. Errors are {@link DevclusterError}s. */
export interface MarathonClient {
  info(): Promise<MarathonInfo>;
  /** `host:port` of the leader, or undefined while there is none. */
  leader(): Promise<string | undefined>;
  apps(): Promise<AppInfo[]>;
  /** The apps with their tasks. */
  appsWithTasks(): Promise<AppInfo[]>;
  /** @throws notFound */
  app(id: string): Promise<AppInfo>;
  /** All pods with their instances; none where Marathon is older than pods. */
  pods(): Promise<PodStatus[]>;
  group(id: string): Promise<GroupInfo>;
  tasks(): Promise<Task[]>;
  /** Creates or replaces the whole app. */
  putApp(app: AppInput, options?: Force): Promise<DeploymentResult>;
  /** Creates or replaces several in one deployment. */
  putApps(apps: readonly AppInput[], options?: Force): Promise<DeploymentResult>;
  /** Changes the given fields only. */
  patchApp(id: string, fields: Record<string, unknown>, options?: Force): Promise<DeploymentResult>;
  /** Goes back to a stored version of the app. */
  restoreVersion(id: string, version: string, options?: Force): Promise<DeploymentResult>;
  putGroup(group: GroupInput, options?: Force): Promise<DeploymentResult>;
  removeApp(id: string, options?: Force): Promise<DeploymentResult>;
  removeGroup(id: string, options?: Force): Promise<DeploymentResult>;
  restartApp(id: string, options?: Force): Promise<DeploymentResult>;
  /** Newest first. */
  versions(id: string): Promise<string[]>;
  version(id: string, version: string): Promise<AppJson>;
  deployments(): Promise<DeploymentInfo[]>;
  /** Reverts the deployment by a new one; with force only forgets it. */
  cancelDeployment(id: string, options?: Force): Promise<DeploymentResult | undefined>;
  queue(): Promise<QueueItem[]>;
  /** Ends the wait of an app whose tasks ended too often. */
  resetDelay(id: string): Promise<void>;
  /** Live events until the signal aborts or the stream ends. The first one is `event_stream_attached`. */
  events(signal: AbortSignal, types?: readonly MarathonEventType[]): AsyncIterable<MarathonEvent>;
}

export function createMarathonClient(endpoint: Endpoint): MarathonClient {
  const call = async <T>(method: string, path: string, json?: unknown): Promise<T> => {
    const reply = await askAny('Marathon', endpoint, path, {
      method,
      headers: { Accept: 'application/json', ...(json === undefined ? {} : { 'Content-Type': 'application/json' }) },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    });
    const text = reply.body.toString('utf8');
    if (reply.status >= 400) throw marathonError(method, path, reply.status, text);
    return (text ? JSON.parse(text) : undefined) as T;
  };
  const query = (options: Force | undefined, more = '') => {
    const parameters = [more, options?.force === undefined ? '' : `force=${options.force}`].filter(Boolean).join('&');
    return parameters ? `?${parameters}` : '';
  };
  return {
    info: () => call('GET', '/v2/info'),
    async leader() {
      try {
        return (await call<{ leader: string }>('GET', '/v2/leader')).leader;
      } catch (error) {
        if (error instanceof DevclusterError && error.kind === 'notFound') return undefined;
        throw error;
      }
    },
    apps: async () => (await call<{ apps: AppInfo[] }>('GET', '/v2/apps')).apps,
    appsWithTasks: async () => (await call<{ apps: AppInfo[] }>('GET', '/v2/apps?embed=apps.tasks')).apps,
    app: async (id) => (await call<{ app: AppInfo }>('GET', `/v2/apps${encodePath(id)}`)).app,
    async pods() {
      try {
        return await call<PodStatus[]>('GET', '/v2/pods/::status');
      } catch (error) {
        if (error instanceof DevclusterError && error.kind === 'notFound') return [];
        throw error;
      }
    },
    group: (id) => call('GET', `/v2/groups${encodePath(id)}`),
    tasks: async () => (await call<{ tasks: Task[] }>('GET', '/v2/tasks')).tasks,
    putApp: (app, options) => call('PUT', `/v2/apps${encodePath(app.id)}${query(options, 'partialUpdate=false')}`, app),
    putApps: (apps, options) => call('PUT', `/v2/apps${query(options, 'partialUpdate=false')}`, apps),
    patchApp: (id, fields, options) => call('PATCH', `/v2/apps${encodePath(id)}${query(options)}`, fields),
    restoreVersion: (id, version, options) => call('PUT', `/v2/apps${encodePath(id)}${query(options)}`, { version }),
    putGroup: (group, options) => call('PUT', `/v2/groups${encodePath(group.id)}${query(options)}`, group),
    removeApp: (id, options) => call('DELETE', `/v2/apps${encodePath(id)}${query({ force: false, ...options })}`),
    removeGroup: (id, options) => call('DELETE', `/v2/groups${encodePath(id)}${query(options)}`),
    restartApp: (id, options) => call('POST', `/v2/apps${encodePath(id)}/restart${query(options)}`),
    versions: async (id) => (await call<{ versions: string[] }>('GET', `/v2/apps${encodePath(id)}/versions`)).versions,
    version: (id, version) => call('GET', `/v2/apps${encodePath(id)}/versions/${encodeURIComponent(version)}`),
    deployments: () => call('GET', '/v2/deployments'),
    cancelDeployment: (id, options) => call('DELETE', `/v2/deployments/${encodeURIComponent(id)}${query(options)}`),
    // Entries of pods have no app.
    queue: async () => (await call<{ queue: Partial<QueueItem>[] }>('GET', '/v2/queue')).queue.filter(isOfApp),
    resetDelay: (id) => call('DELETE', `/v2/queue${encodePath(id)}/delay`),
    events: (signal, types) => readEvents(endpoint, signal, types ?? []),
  };
}

/** `shop/web` and `/shop/web` → `/shop/web`, percent-encoded by segment; `/` → the empty path. */
export function encodePath(id: string): string {
  const segments = id.split('/').filter(Boolean);
  return segments.map((segment) => `/${encodeURIComponent(segment)}`).join('');
}

/** An error answer of Marathon as an error of ours, with every detail it gave. */
export function marathonError(method: string, path: string, status: number, text: string): DevclusterError {
  const body = parseBody(text);
  const fields = Array.isArray(body.details)
    ? body.details.map((detail) => `  ${detail.path}: ${detail.errors.join('; ')}`)
    : typeof body.details === 'string'
      ? [`  ${body.details}`]
      : [];
  const message = [body.message, ...fields].join('\n');
  const details = { status, ...body };
  if (status === 404)
    return new DevclusterError('notFound', 'MARATHON_NOT_FOUND', message, { hint: 'See `devcluster apps`.', details });
  if (status === 409)
    return new DevclusterError(
      'conflict',
      'MARATHON_CONFLICT',
      body.deployments?.length
        ? `${message}\nLocked by deployment ${body.deployments.map(({ id }) => id).join(', ')}`
        : message,
      { hint: 'Wait for the running deployment, or repeat with --force to cancel it.', details },
    );
  if (status === 401 || status === 403)
    return new DevclusterError(
      'missing',
      'MARATHON_REFUSED',
      status === 401
        ? `Marathon wants to know who you are (401${body.message ? `: ${body.message}` : ''})`
        : `Marathon doesn't permit this to you (403${body.message ? `: ${body.message}` : ''})`,
      { hint: 'Give a user and password, or a token, with `devcluster target add`.', details },
    );
  if (status < 500)
    return new DevclusterError('usage', 'MARATHON_INVALID', `Marathon refused the definition (${status}): ${message}`, {
      hint: 'Correct the definition; the paths name the fields at fault.',
      details,
    });
  return new DevclusterError(
    'unexpected',
    'MARATHON_ERROR',
    `${method} ${path}: Marathon answered ${status}: ${message}`,
    { details },
  );
}

function parseBody(text: string): ErrorBody {
  try {
    const body = JSON.parse(text) as ErrorBody;
    if (typeof body?.message === 'string') return body;
  } catch {
    // Proxies and servlet containers answer in text or HTML.
  }
  return { message: text.slice(0, 500) || 'no further explanation' };
}

async function* readEvents(
  endpoint: Endpoint,
  signal: AbortSignal,
  types: readonly string[],
): AsyncGenerator<MarathonEvent> {
  const filter = types.length > 0 ? `?${types.map((type) => `event_type=${encodeURIComponent(type)}`).join('&')}` : '';
  let stream: Awaited<ReturnType<typeof httpStream>> | undefined;
  let failure: unknown;
  for (const url of endpoint.urls) {
    try {
      const headers = { Accept: 'text/event-stream', ...authorization(endpoint.credentials) };
      stream = await httpStream(`${url}/v2/events${filter}`, {
        headers,
        signal,
        maxRedirects: 2,
        timeoutMs: 10_000,
        ...(endpoint.ca === undefined ? {} : { ca: endpoint.ca }),
      });
      if (stream.statusCode === 200) break;
      if (stream.statusCode === 401 || stream.statusCode === 403) {
        stream.destroy();
        throw marathonError('GET', '/v2/events', stream.statusCode, '');
      }
      failure = new Error(`${url}/v2/events answered ${stream.statusCode}`);
      stream.destroy();
      stream = undefined;
    } catch (error) {
      if (error instanceof DevclusterError) throw error;
      failure = error;
    }
  }
  if (signal.aborted) return;
  if (!stream)
    throw new DevclusterError('missing', 'SERVICE_UNREACHABLE', 'No Marathon gives its event stream', {
      hint: endpoint.hint ?? 'See `devcluster status`; `devcluster up` repairs what failed.',
      cause: failure,
    });
  try {
    for await (const data of eventData(stream)) yield JSON.parse(data) as MarathonEvent;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    stream.destroy();
  }
}

/** The data of each event of a text/event-stream (WHATWG HTML, "server-sent events"). */
async function* eventData(stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let pending = '';
  let data: string[] = [];
  for await (const chunk of stream) {
    pending += decoder.decode(chunk, { stream: true });
    const lines = pending.split(/\r\n|\n|\r(?!$)/);
    pending = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield data.join('\n');
        data = [];
      } else if (line.startsWith('data:')) data.push(line.slice(5).trimStart());
    }
  }
}

function isOfApp(item: Partial<QueueItem>): item is QueueItem {
  return item.app !== undefined;
}
