import { versions } from '../../../protocols/versions.ts';
import { messageOf } from '../../../support/errors.ts';
import { type HttpAnswer, HttpError, type HttpRequest, type Route } from '../../../support/http-server.ts';
import { checkLoggerChange, type Loggers } from '../loggers.ts';
import type { Metrics } from '../metrics.ts';
import { describeOptions, type MarathonOptions } from '../options.ts';
import { fileOf } from '../store/backup.ts';
import { type ApiContext, jsonBody, valueOrThrow } from './context.ts';

export interface SystemContext extends ApiContext {
  options: MarathonOptions;
  metrics: Metrics;
  loggers: Loggers;
  /** `host:port` of the leader, as every instance knows it. */
  leader: () => string | undefined;
  /** Gives up leadership, shortly after the answer is sent. */
  abdicate: () => void;
}

/** What is not about apps. Source: api/v2/{InfoResource,LeaderResource,PluginsResource}.scala, api/SystemResource.scala. */
export function systemRoutes(context: SystemContext): Route[] {
  const { options, metrics } = context;

  const ping: Route['handler'] = (request) => {
    const type = preferred(request, ['text/plain', 'text/html', 'application/json']);
    if (type === undefined) return { status: 204 };
    return { status: 200, headers: { 'Content-Type': type }, body: type === 'application/json' ? '"pong"' : 'pong' };
  };

  const info: Route['handler'] = () => {
    const session = context.session();
    const master = session.driver.master;
    return {
      status: 200,
      body: {
        name: options.frameworkName,
        version: versions.marathon,
        buildref: 'embedded',
        elected: true,
        leader: context.leader(),
        ...(session.frameworkId ? { frameworkId: session.frameworkId } : {}),
        ...describeOptions(options, master === undefined ? null : `http://${master}/`),
      },
    };
  };

  const leader: Route['handler'] = () => {
    const hostPort = context.leader();
    if (hostPort === undefined) throw new HttpError(404, { message: 'There is no leader' });
    return { status: 200, body: { leader: hostPort } };
  };

  const abdicate: Route['handler'] = async (request) => {
    const session = context.session();
    const asked: Record<string, string> = {};
    for (const name of ['backup', 'restore']) {
      const uri = request.query.get(name);
      if (uri === null) continue;
      try {
        fileOf(uri);
      } catch (error) {
        throw new HttpError(422, { message: messageOf(error) });
      }
      asked[name] = uri;
    }
    if (Object.keys(asked).length > 0) {
      session.store.saveRuntime(asked);
      await session.store.flushed();
    }
    context.abdicate();
    return { status: 200, body: { message: 'Leadership abdicated', details: [] } };
  };

  const config: Route['handler'] = () => ({
    status: 200,
    body: describeOptions(options, null),
  });

  const showLoggers: Route['handler'] = () => ({ status: 200, body: context.loggers.levels() });

  const changeLogger: Route['handler'] = async (request) => {
    const change = valueOrThrow(checkLoggerChange(await jsonBody(request)));
    context.loggers.change(change.logger, change.level, change.durationSeconds);
    return { status: 200, body: change };
  };

  const prometheus: Route['handler'] = (): HttpAnswer =>
    options.prometheus
      ? {
          status: 200,
          headers: { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' },
          body: metrics.prometheus(),
        }
      : { status: 404, body: { message: 'Prometheus metrics are disabled' } };

  return [
    { method: 'GET', path: /^\/$/, handler: () => ({ status: 302, headers: { Location: '/ui/' } }) },
    { method: 'GET', path: /^\/ping\/?$/, handler: ping },
    { method: 'GET', path: /^\/v2\/info\/?$/, handler: info },
    { method: 'GET', path: /^\/v2\/leader\/?$/, handler: leader },
    { method: 'DELETE', path: /^\/v2\/leader\/?$/, handler: abdicate },
    { method: 'GET', path: /^\/config\/?$/, handler: config },
    { method: 'GET', path: /^\/logging\/?$/, handler: showLoggers },
    { method: 'POST', path: /^\/logging\/?$/, handler: changeLogger },
    { method: 'GET', path: /^\/metrics\/?$/, handler: () => ({ status: 200, body: metrics.json() }) },
    { method: 'GET', path: /^\/metrics\/prometheus\/?$/, handler: prometheus },
    { method: 'GET', path: /^\/v2\/plugins\/?$/, handler: () => ({ status: 200, body: { plugins: [] } }) },
  ];
}

/** The offered media type that the request's Accept header likes best; undefined when it likes none. */
export function preferred(request: HttpRequest, offered: readonly string[]): string | undefined {
  const accept = request.headers.accept;
  if (accept === undefined || accept.trim() === '') return offered[0];
  let best: { type: string; quality: number } | undefined;
  for (const range of accept.split(',')) {
    const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const quality = Number(parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? 1);
    const type = offered.find((one) => name === '*/*' || name === one || name === `${one.split('/')[0]}/*`);
    if (type !== undefined && quality > 0 && quality > (best?.quality ?? 0)) best = { type, quality };
  }
  return best?.type;
}
