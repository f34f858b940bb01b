import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { StartService } from '../../../src/embedded/service.ts';
import { createHttpServer, HttpError } from '../../../src/support/http-server.ts';

/**
 * Stands in for every component where the host is what is tested. Its arguments are `--ip`, `--port` and, for one that
 * runs tasks, `--work_dir`; over HTTP it tells what it was given and does what a test asks for.
 */
export const startFake: StartService = async ({ argv, env, log, network, random }) => {
  const flags = Object.fromEntries(argv.map((argument) => argument.replace(/^--/, '').split('=') as [string, string]));
  if (flags.fail) throw new Error(flags.fail);
  let exit: (exit: { code: number; reason: string }) => void = () => {};
  const exited = new Promise<{ code: number; reason: string }>((resolve) => {
    exit = resolve;
  });
  const server = createHttpServer({
    log,
    routes: [
      {
        method: 'GET',
        path: /^\/context$/,
        handler: () => ({
          status: 200,
          body: { pid: process.pid, argv, env, random: random(), hostVariables: Object.keys(process.env) },
        }),
      },
      {
        method: 'POST',
        path: /^\/exit$/,
        handler: () => {
          setImmediate(() => void server.close().then(() => exit({ code: 3, reason: 'lost leadership' })));
          return { status: 202 };
        },
      },
      {
        method: 'POST',
        path: /^\/throw$/,
        handler: () => {
          setImmediate(() => {
            throw new Error('nobody handles this');
          });
          return { status: 202 };
        },
      },
      {
        method: 'POST',
        path: /^\/task$/,
        handler: async (request) => {
          const command = (await request.body()).toString();
          const sandbox = join(flags.work_dir ?? '', 'slaves/S0/frameworks/F0/executors/e0/runs', `r${Date.now()}`);
          mkdirSync(sandbox, { recursive: true });
          const child = spawn('/bin/sh', ['-c', command], {
            cwd: sandbox,
            detached: true,
            stdio: 'ignore',
            env: { PATH: '/usr/bin:/bin', MESOS_SANDBOX: sandbox },
          });
          return { status: 200, body: { pid: child.pid } };
        },
      },
      {
        method: 'GET',
        path: /^\/dial\/(?<host>[\d.]+)\/(?<port>\d+)$/,
        handler: ({ params }) =>
          new Promise((resolve, reject) => {
            const socket = network.connect(Number(params.port), params.host!);
            socket.once('connect', () => {
              resolve({ status: 200, body: { from: socket.localAddress } });
              socket.destroy();
            });
            socket.once('error', (error) =>
              reject(new HttpError(502, { code: (error as NodeJS.ErrnoException).code })),
            );
          }),
      },
    ],
  });
  await server.listen(Number(flags.port), flags.ip!);
  log.info('listens', { port: flags.port });
  return { exited, ready: Promise.resolve(), stop: () => server.close() };
};
