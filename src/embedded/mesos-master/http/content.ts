import { fromJson, JsonFormError, parseJsonBody } from '../../../protocols/mesos/json-form.ts';
import { fromProtobuf, ProtobufError, toProtobuf } from '../../../protocols/mesos/protobuf-form.ts';
import { HttpError, type HttpRequest } from '../../../support/http-server.ts';

export const jsonType = 'application/json';
export const protobufType = 'application/x-protobuf';

/** How messages of one kind are written to a client. */
export interface Encoding {
  contentType: string;
  encode(message: object): string | Buffer;
}

export const jsonEncoding: Encoding = { contentType: jsonType, encode: (message) => JSON.stringify(message) };

/**
 * The body of an API call, parsed as JSON.
 * @throws HttpError with the status and text of the real master
 */
export async function readJsonCall(request: HttpRequest): Promise<unknown> {
  if (contentType(request) !== jsonType) throw unsupported();
  return parseJson((await request.body()).toString('utf8'));
}

/**
 * The body of an API call, in JSON or protobuf.
 * @param name of the message in the schema
 * @throws HttpError with the status and text of the real master
 */
export async function readCall<T>(request: HttpRequest, name: string): Promise<T> {
  const type = contentType(request);
  if (type !== jsonType && type !== protobufType) throw unsupported();
  const body = await request.body();
  try {
    return type === jsonType ? fromJson<T>(name, parseJson(body.toString('utf8'))) : fromProtobuf<T>(name, body);
  } catch (error) {
    if (error instanceof JsonFormError)
      throw new HttpError(400, `Failed to convert JSON into Call protobuf: ${error.message}`);
    if (error instanceof ProtobufError) throw new HttpError(400, 'Failed to parse body into Call protobuf');
    throw error;
  }
}

function contentType(request: HttpRequest): string {
  const type = request.headers['content-type'];
  if (type === undefined) throw new HttpError(400, "Expecting 'Content-Type' to be present");
  return type.split(';')[0]!.trim().toLowerCase();
}

function unsupported(): HttpError {
  return new HttpError(415, `Expecting 'Content-Type' of ${jsonType} or ${protobufType}`);
}

function parseJson(text: string): unknown {
  try {
    return parseJsonBody(text);
  } catch (error) {
    if (error instanceof JsonFormError) throw new HttpError(400, `Failed to parse body into JSON: ${error.message}`);
    throw error;
  }
}

/**
 * How to answer a client: in JSON if it takes that, else in protobuf.
 * @param name of the answer's message in the schema; without it there is only JSON
 * @throws HttpError 406
 */
export function acceptedEncoding(request: HttpRequest, name?: string): Encoding {
  const { accept } = request.headers;
  if (accepts(accept, jsonType)) return jsonEncoding;
  if (name !== undefined && accepts(accept, protobufType))
    return { contentType: protobufType, encode: (message) => toProtobuf(name, message) };
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
