import type { ErrorBody, FieldErrors } from '../../../protocols/marathon/types.ts';

/** Why a request is refused: the status and body that Marathon answers with. */
export interface Problem {
  readonly status: number;
  readonly body: ErrorBody;
}

export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: Problem };

export function good<T>(value: T): Result<T> {
  return { ok: true, value };
}

export function bad(status: number, body: ErrorBody): { readonly ok: false; readonly problem: Problem } {
  return { ok: false, problem: { status, body } };
}

/** The refusals of the API by what is wrong. Source: api/MarathonExceptionMapper.scala and Exception.scala. */
export const problems = {
  notJson: (parserText: string): Problem => ({
    status: 400,
    body: { message: 'Invalid JSON', details: parserText },
  }),
  emptyBody: (text: string): Problem => ({
    status: 400,
    body: { message: 'Please specify data in JSON format', details: text },
  }),
  wrongTypes: (details: readonly FieldErrors[]): Problem => ({
    status: 422,
    body: { message: 'Invalid JSON', details },
  }),
  notValid: (details: readonly FieldErrors[]): Problem => ({
    status: 422,
    body: { message: 'Object is not valid', details },
  }),
  illegal: (message: string): Problem => ({ status: 422, body: { message } }),
  badRequest: (message: string): Problem => ({ status: 400, body: { message } }),
  unknownApp: (id: string, version?: string): Problem => ({
    status: 404,
    body: { message: `App '${id}' does not exist${version === undefined ? '' : ` in version ${version}`}` },
  }),
  unknownGroup: (id: string, version?: string): Problem => ({
    status: 404,
    body: { message: `Group '${id}' does not exist${version === undefined ? '' : ` in version ${version}`}` },
  }),
  unknownPod: (id: string): Problem => ({ status: 404, body: { message: `Pod '${id}' does not exist` } }),
  unknownTask: (id: string): Problem => ({ status: 404, body: { message: `Task '${id}' does not exist` } }),
  unknownPath: (id: string): Problem => ({ status: 404, body: { message: `Path '${id}' does not exist` } }),
  unknownDeployment: (id: string): Problem => ({
    status: 404,
    body: { message: `DeploymentPlan ${id} does not exist` },
  }),
  notQueued: (id: string): Problem => ({
    status: 404,
    body: { message: `Application ${id} not found in tasks queue.` },
  }),
  appExists: (id: string): Problem => ({
    status: 409,
    body: { message: `An app with id [${id}] already exists.` },
  }),
  podExists: (id: string): Problem => ({
    status: 409,
    body: { message: `A pod with id [${id}] already exists.` },
  }),
  groupExists: (id: string): Problem => ({
    status: 409,
    body: { message: `Group ${id} is already created. Use PUT to change this group.` },
  }),
  appAtGroupPath: (id: string): Problem => ({
    status: 409,
    body: { message: `An app with the path ${id} already exists.` },
  }),
  locked: (deploymentIds: readonly string[]): Problem => ({
    status: 409,
    body: {
      message:
        'App is locked by one or more deployments. ' +
        "Override with the option '?force=true'. " +
        "View details at '/v2/deployments/<DEPLOYMENT_ID>'.",
      deployments: deploymentIds.map((id) => ({ id })),
    },
  }),
  tooManyDeployments: (max: number): Problem => ({
    status: 403,
    body: {
      message:
        `Max number (${max}) of running deployments is achieved. Wait for existing deployments to complete or ` +
        'cancel one using force=true parameter. You can increase max deployment number by using ' +
        '--max_running_deployments parameter but be advised that this can have negative effects on the performance.',
    },
  }),
  portsExhausted: (min: number, max: number): Problem => ({
    status: 500,
    body: { message: `All ports in the range [${min}-${max}) are already in use` },
  }),
};
