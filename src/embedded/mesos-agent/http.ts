import { createReadStream } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { versionInfo } from '../../protocols/mesos/version-info.ts';
import {
  createHttpServer,
  type HttpAnswer,
  type HttpHandler,
  type HttpRequest,
  type HttpServer,
  handled,
  type Route,
} from '../../support/http-server.ts';
import { executorApi } from './executor-api.ts';
import { type Files, FilesError, modeText, pageText } from './files.ts';
import type { AgentHttpContext, ContainerView } from './http-context.ts';
import { operatorApi } from './operator-api.ts';
import { stateView } from './state-view.ts';

/** The agent's HTTP server; not listening yet. Sources: src/slave/http.cpp and src/files/files.cpp of Apache Mesos. */
export function createAgentHttp(context: AgentHttpContext): HttpServer {
  const { view, files } = context;
  /** Routes of the process `slave(1)`, which is also reached without its name. */
  const own = (path: string) => new RegExp(`^(?:/slave(?:\\(|%28)1(?:\\)|%29))?${path}/?$`, 'i');
  /** Routes of processes of their own. */
  const plain = (path: string) => new RegExp(`^${path}/?$`);
  const any = (path: RegExp, handler: HttpHandler): Route => ({ method: '*', path, handler });
  const ready =
    (handler: HttpHandler): HttpHandler =>
    (request, response) =>
      context.recovered() ? handler(request, response) : { status: 503, body: 'Agent has not finished recovery' };
  const shown = (make: (request: HttpRequest) => object | Promise<object>): HttpHandler => {
    return async (request) => jsonp(request, await make(request));
  };
  const file = (handle: (request: HttpRequest, response: ServerResponse, path: string) => ReturnType<HttpHandler>) =>
    withPath(handle);

  return createHttpServer({
    log: context.log,
    allowedHosts: { names: [context.hostname], domain: 'mesos' },
    notFound: () => ({ status: 404, body: '404 Not Found.' }),
    routes: [
      any(own('/health'), () => ({ status: 200, body: '' })),
      any(
        plain('/version'),
        shown(() => versionInfo),
      ),
      any(plain('/metrics/snapshot'), shown(context.metrics)),
      any(
        own('/flags'),
        shown(() => ({ flags: view().flags.shown })),
      ),
      any(own('/state'), ready(shown(() => stateView(view())))),
      any(own('/containers'), ready(shown(async ({ query }) => selected(await context.containers(), query)))),
      any(
        own('/monitor/statistics'),
        ready(shown(async () => (await context.containers()).map(({ container_id: _, status: __, ...rest }) => rest))),
      ),
      any(
        own('/api/v1'),
        ready((request) => operatorApi(request, context)),
      ),
      any(
        own('/api/v1/executor'),
        ready((request, response) =>
          executorApi(request, response, {
            books: view().books,
            custom: context.custom,
            send: context.send,
          }),
        ),
      ),
      any(
        plain('/files/browse'),
        file(async (request, _response, path) => {
          const infos = await files.browse(path);
          return jsonp(
            request,
            infos.map(({ path: name, nlink, size, mtime, mode, uid, gid }) => ({
              gid,
              mode: modeText(mode),
              mtime,
              nlink,
              path: name,
              size,
              uid,
            })),
          );
        }),
      ),
      any(
        plain('/files/read'),
        file((request, _response, path) => readFile(request, files, path)),
      ),
      any(
        plain('/files/download'),
        file((_request, response, path) => download(response, files, path)),
      ),
      any(
        plain('/files/debug'),
        shown(() => Object.fromEntries([...files.roots()].sort())),
      ),
    ],
  });
}

function jsonp(request: HttpRequest, body: object): HttpAnswer {
  const callback = request.query.get('jsonp');
  if (callback === null) return { status: 200, body };
  return {
    status: 200,
    headers: { 'Content-Type': 'text/javascript' },
    body: `${callback.replace(/[^\w$.[\]]/g, '')}(${JSON.stringify(body)});`,
  };
}

function selected(containers: ContainerView[], query: URLSearchParams): ContainerView[] {
  const names = ['container_id', 'framework_id', 'executor_id'] as const;
  return containers.filter((container) =>
    names.every((name) => query.get(name) === null || query.get(name) === container[name]),
  );
}

function withPath(
  handle: (request: HttpRequest, response: ServerResponse, path: string) => ReturnType<HttpHandler>,
): HttpHandler {
  return async (request, response) => {
    const path = request.query.get('path');
    if (!path) return { status: 400, body: "Expecting 'path=value' in query.\n" };
    try {
      return await handle(request, response, path);
    } catch (error) {
      if (error instanceof FilesError)
        return {
          status: error.status,
          headers: { 'Content-Type': 'text/plain; charset=utf-8' },
          body: error.message,
        };
      throw error;
    }
  };
}

async function readFile(request: HttpRequest, files: Files, path: string): Promise<HttpAnswer> {
  const number = (name: string): number | undefined => {
    const text = request.query.get(name);
    if (text === null || text === '' || text === '-1') return undefined;
    const value = Number(text);
    if (!Number.isSafeInteger(value)) throw new FilesError(400, `Failed to parse ${name}: '${text}'.\n`);
    if (value < 0) throw new FilesError(400, `Negative ${name} provided: ${text}.\n`);
    return value;
  };
  const offset = number('offset');
  const { data, size } = await files.read(path, offset, number('length'));
  // Without an offset the answer tells the end, where a reader goes on from.
  const body = { data: pageText(data, (offset ?? 0) + data.length < size), offset: offset ?? size };
  return jsonp(request, body);
}

async function download(response: ServerResponse, files: Files, path: string): Promise<HttpAnswer | typeof handled> {
  const { path: real, stats } = await files.locate(path);
  if (stats.isDirectory()) return { status: 400, body: 'Cannot download a directory.\n' };
  // A file that is being written to may grow meanwhile: what was promised is sent.
  const end = stats.size - 1;
  const name = basename(path).replace(/["\\\r\n]/g, '_');
  response.writeHead(200, {
    'Content-Type': 'application/octet-stream',
    'Content-Disposition': `attachment; filename=${/[^\w.-]/.test(name) ? `"${encodeURIComponent(name)}"` : name}`,
    'Content-Length': String(stats.size),
  });
  if (end < 0) response.end();
  else await pipeline(createReadStream(real, { start: 0, end }), response).catch(() => response.destroy());
  return handled;
}
