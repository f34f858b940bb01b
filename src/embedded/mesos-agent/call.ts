import { JsonFormError, parseJsonBody } from '../../protocols/mesos/json-form.ts';
import { HttpError, type HttpRequest } from '../../support/http-server.ts';

/**
 * Reads the JSON call of a v1 endpoint, refusing in the order and the words of the real agent.
 * @throws HttpError
 */
export async function readCall(request: HttpRequest): Promise<Record<string, unknown>> {
  if (request.method !== 'POST')
    throw new HttpError(405, `405 Method Not Allowed. Expecting one of { 'POST' }, but received '${request.method}'.`, {
      Allow: 'POST',
    });
  const type = request.headers['content-type'];
  if (type === undefined) throw new HttpError(400, "Expecting 'Content-Type' to be present");
  if (!/^application\/json\b/i.test(type))
    throw new HttpError(415, "Expecting 'Content-Type' of application/json or application/x-protobuf");
  const body = (await request.body()).toString('utf8');
  let call: unknown;
  try {
    call = parseJsonBody(body);
  } catch (error) {
    if (error instanceof JsonFormError) throw new HttpError(400, `Failed to parse body into JSON: ${error.message}`);
    throw error;
  }
  if (typeof call !== 'object' || call === null || Array.isArray(call))
    throw new HttpError(400, 'Failed to convert JSON into Call protobuf: Expecting a JSON object');
  return call as Record<string, unknown>;
}

/** @throws HttpError 406 when the client can't take JSON */
export function requireJson(request: HttpRequest): void {
  const accept = request.headers.accept;
  if (accept !== undefined && !/application\/json|application\/\*|\*\/\*/i.test(accept))
    throw new HttpError(406, "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'");
}
