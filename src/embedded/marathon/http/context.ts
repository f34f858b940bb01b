import type { AppDefinition, DeploymentResult, PathId, Timestamp } from '../../../protocols/marathon/types.ts';
import type { Clock } from '../../../support/clock.ts';
import { type HttpAnswer, HttpError, type HttpRequest } from '../../../support/http-server.ts';
import type { EventBus } from '../events.ts';
import type { Change } from '../leader/groups.ts';
import type { LeaderSession } from '../leader/session.ts';
import type { AppState } from '../model/app-info.ts';
import { parseJson } from '../model/parse-json.ts';
import { canonical } from '../model/path-id.ts';
import type { DeploymentPlan } from '../model/plan.ts';
import type { Problem, Result } from '../model/problem.ts';
import type { ReadContext } from '../model/update.ts';

/** What the resources of the REST API work on. */
export interface ApiContext {
  /** The session of the leader that this instance is. @throws HttpError 503 when it has just ceased to lead */
  session(): LeaderSession;
  events: EventBus;
  clock: Clock;
}

/** @throws HttpError with the problem's status and body */
export function valueOrThrow<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw problemError(result.problem);
}

export function problemError(problem: Problem): HttpError {
  return new HttpError(problem.status, problem.body);
}

/** The body as JSON. @throws HttpError 400, or 415 when it is said to be something else */
export async function jsonBody(request: HttpRequest): Promise<unknown> {
  const type = request.headers['content-type'];
  if (type !== undefined && !/^\s*(?:application\/(?:[\w.-]+\+)?json|\*\/\*)\s*(?:;|$)/i.test(type))
    throw new HttpError(415, { message: 'Unsupported Media Type' });
  return valueOrThrow(parseJson((await request.body()).toString('utf8')));
}

/** A query parameter that is on or off; without a value it is on. */
export function flag(request: HttpRequest, name: string, fallback: boolean): boolean {
  const value = request.query.get(name);
  return value === null ? fallback : value === '' || value.toLowerCase() === 'true';
}

/** The absolute path that a route's parameter names. */
export function idOf(request: HttpRequest): PathId {
  return canonical(`/${request.params.id ?? ''}`);
}

export function readContext(session: LeaderSession): ReadContext {
  return { config: session.config, root: session.catalog.root, now: session.groups.now() };
}

/** Makes a change and waits until it is stored. @throws HttpError */
export async function deploy(session: LeaderSession, change: Change): Promise<DeploymentPlan> {
  return valueOrThrow(await session.groups.change(change));
}

export function deploymentResult(plan: DeploymentPlan): DeploymentResult {
  return { version: plan.version, deploymentId: plan.id };
}

export function deploymentAnswer(plan: DeploymentPlan, status = 200, headers: Record<string, string> = {}): HttpAnswer {
  return { status, headers: { 'Marathon-Deployment-Id': plan.id, ...headers }, body: deploymentResult(plan) };
}

/** The absolute URI under which the original announces a new resource: its path directly below the server. */
export function location(request: HttpRequest, id: PathId): string {
  return `http://${request.headers.host ?? 'localhost'}${id}`;
}

/** What is known of an app besides its definition. */
export function stateOf(session: LeaderSession, app: AppDefinition, now: number): AppState {
  const lastTaskFailure = session.lastFailure(app.id);
  return {
    instances: session.tracker.ofApp(app.id),
    health: session.health,
    deployments: session.deployments.ofApp(app.id),
    readiness: session.readinessResults(app.id),
    now,
    ...(lastTaskFailure ? { lastTaskFailure } : {}),
  };
}

/** A stored version as text of the form that the store uses; undefined for what is no time. */
export function timestampOf(text: string): Timestamp | undefined {
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}
