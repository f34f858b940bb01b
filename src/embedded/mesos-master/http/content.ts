import { JsonFormError, parseJsonBody } from '../../../protocols/mesos/json-form.ts';
import { HttpError, type HttpRequest } from '../../../support/http-server.ts';

const jsonType = 'application/json';
const protobufType = 'application/x-protobuf';

/**
 * The body of an API call, parsed as JSON.
 * @throws HttpError with the status and text of the real master
 */
export async function readCall(request: HttpRequest): Promise<unknown> {
  const type = request.headers['content-type'];
  if (type === undefined) throw new HttpError(400, "Expecting 'Content-Type' to be present");
  if (type.split(';')[0]!.trim().toLowerCase() !== jsonType)
    throw new HttpError(415, `Expecting 'Content-Type' of ${jsonType} or ${protobufType}`);
  const text = (await request.body()).toString('utf8');
  try {
    return parseJsonBody(text);
  } catch (error) {
    if (error instanceof JsonFormError) throw new HttpError(400, `Failed to parse body into JSON: ${error.message}`);
    throw error;
  }
}

/** @throws HttpError 406 when the client doesn't take JSON */
export function requireJsonAccepted(request: HttpRequest): void {
  if (!accepts(request.headers.accept, jsonType))
    throw new HttpError(406, `Expecting 'Accept' to allow '${protobufType}' or '${jsonType}'`);
}

/** Whether an Accept header allows a media type; a missing one allows everything. */
export function accepts(header: string | undefined, type: string): boolean {
  if (header === undefined) return true;
  const [main, sub] = type.split('/');
  return header.split(',').some((entry) => {
    const [range = '', ...parameters] = entry.split(';').map((piece) => piece.trim().toLowerCase());
    const [rangeMain, rangeSub] = range.split('/');
    const matches = (rangeMain === '*' || rangeMain === main) && (rangeSub === '*' || rangeSub === sub);
    return matches && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}
