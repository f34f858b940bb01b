import { open } from 'node:fs/promises';
import { systemCode } from '../../../support/errors.ts';
import { type HttpAnswer, HttpError, type HttpRequest, type Route } from '../../../support/http-server.ts';
import { json, type MasterServer } from './server.ts';

/** The one file that is published, by the name the real master publishes its log under. */
const logPath = '/master/log';
/** The most that one answer carries. */
const maxReadBytes = 64 << 10;

/** /files/browse, read, download and debug for the master's log. Source: src/files/files.cpp of Apache Mesos. */
export function fileRoutes(server: MasterServer): Route[] {
  const route = (name: string, handler: (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>): Route => ({
    method: '*',
    path: new RegExp(`^/files/${name}$`),
    handler,
  });
  return [
    route('browse', (request) => {
      requirePath(request);
      return { status: 404, headers: { 'Content-Type': 'text/plain; charset=utf-8' } };
    }),
    route('read', async (request) => {
      const path = findFile(server, requirePath(request));
      const offset = wholeNumber(request, 'offset') ?? 0;
      const length = wholeNumber(request, 'length');
      if (offset < 0) {
        const { size } = await readPiece(path, 0, 0);
        return json(request, { data: '', offset: size });
      }
      const piece = await readPiece(path, offset, length === undefined || length < 0 ? undefined : length);
      return json(request, { data: piece.data.toString('latin1'), offset });
    }),
    route('download', async (request) => {
      const path = findFile(server, requirePath(request));
      const { data } = await readPiece(path, 0, Number.POSITIVE_INFINITY);
      return {
        status: 200,
        headers: { 'Content-Type': 'application/octet-stream', 'Content-Disposition': 'attachment; filename=log' },
        body: data,
      };
    }),
    route('debug', (request) => json(request, server.logFile === undefined ? {} : { [logPath]: server.logFile })),
  ];
}

function requirePath(request: HttpRequest): string {
  const path = request.query.get('path');
  if (!path) throw new HttpError(400, "Expecting 'path=value' in query.\n");
  return path;
}

function wholeNumber(request: HttpRequest, name: string): number | undefined {
  const text = request.query.get(name);
  if (text === null) return undefined;
  if (!/^-?\d+$/.test(text))
    throw new HttpError(400, `Failed to parse ${name}: Failed to convert '${text}' to number.\n`);
  return Number(text);
}

/** The real file behind a published path. @throws HttpError 404 */
export function findFile(server: MasterServer, path: string): string {
  if (path === logPath && server.logFile !== undefined) return server.logFile;
  throw new HttpError(404, '');
}

/** Reads from `offset`, at most 64 KiB unless all is wanted. @throws HttpError 404 */
export async function readPiece(
  path: string,
  offset: number,
  length: number | undefined,
): Promise<{ size: number; data: Buffer }> {
  try {
    const handle = await open(path, 'r');
    try {
      const { size } = await handle.stat();
      const most = length === Number.POSITIVE_INFINITY ? size : Math.min(length ?? maxReadBytes, maxReadBytes);
      const wanted = Math.max(0, Math.min(size - offset, most));
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(wanted), 0, wanted, offset);
      return { size, data: buffer.subarray(0, bytesRead) };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw new HttpError(404, '');
    throw error;
  }
}
