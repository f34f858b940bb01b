import { type Field, messageType, type Scalar } from './schema.ts';

/** JSON that is no message of the wanted type; the text is what Mesos answers. */
export class JsonFormError extends Error {}

/**
 * Reads a protobuf message in the JSON form of the Mesos v1 API: unknown fields are dropped, numbers may be strings,
 * declared defaults are filled in, enum names that this version doesn't know count as unset where the enum has an
 * UNKNOWN. What it returns has exactly the types that `types.ts` declares.
 * Source: 3rdparty/stout/include/stout/protobuf.hpp of Apache Mesos.
 * @param name of the message in the schema, e.g. `scheduler.Call`
 * @throws JsonFormError
 */
export function fromJson<T>(name: string, json: unknown): T {
  if (!isObject(json)) throw new JsonFormError('Expecting a JSON object');
  const missing: string[] = [];
  const message = readMessage(name, json, '', missing);
  if (missing.length > 0) throw new JsonFormError(`Missing required fields: ${missing.join(', ')}`);
  return message as T;
}

function readMessage(name: string, json: Record<string, unknown>, path: string, missing: string[]) {
  const message: Record<string, unknown> = {};
  for (const field of messageType(name).fields.values()) {
    const given = json[field.name];
    if (given !== undefined && given !== null) {
      const value = readField(field, given, `${path}${field.name}`, missing);
      if (value !== undefined) message[field.name] = value;
    }
    if (message[field.name] === undefined) {
      if (field.label === 'required') missing.push(`${path}${field.name}`);
      else if (field.default !== undefined) message[field.name] = field.default;
      else if (field.neverAbsent) message[field.name] = [];
    }
  }
  return message;
}

function readField(field: Field, given: unknown, path: string, missing: string[]): unknown {
  if (field.label === 'repeated') {
    if (!Array.isArray(given)) throw refuse(field, given);
    const values: unknown[] = [];
    given.forEach((element, index) => {
      const value = readValue(field, element, `${path}[${index}]`, missing);
      if (value !== undefined) values.push(value);
    });
    return values;
  }
  if (field.label === 'map') {
    if (!isObject(given)) throw refuse(field, given);
    const values: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    for (const [key, element] of Object.entries(given))
      values[key] = readValue(field, element, `${path}.${key}`, missing);
    return { ...values };
  }
  return readValue(field, given, path, missing);
}

function readValue(field: Field, given: unknown, path: string, missing: string[]): unknown {
  const { type } = field;
  switch (type.kind) {
    case 'message':
      if (!isObject(given)) throw refuse(field, given);
      return readMessage(type.message, given, `${path}.`, missing);
    case 'enum': {
      const name = typeof given === 'number' ? type.values.names.get(given) : given;
      if (typeof name !== 'string') throw refuse(field, given);
      if (type.values.numbers.has(name)) return name;
      if (type.values.numbers.has('UNKNOWN')) return undefined;
      throw new JsonFormError(`Failed to find enum for '${name}'`);
    }
    case 'scalar':
      return readScalar(field, type.scalar, given);
  }
}

function readScalar(field: Field, scalar: Scalar, given: unknown): string | number | boolean {
  switch (scalar) {
    case 'string':
    case 'bytes':
      if (typeof given !== 'string') throw refuse(field, given);
      return given;
    case 'bool':
      if (typeof given === 'boolean') return given;
      if (given === 'true' || given === 'false') return given === 'true';
      throw refuse(field, given);
    default: {
      const number = typeof given === 'string' && given.trim() !== '' ? Number(given) : given;
      if (typeof number !== 'number' || !Number.isFinite(number)) throw refuse(field, given);
      if (scalar === 'double' || scalar === 'float') return number;
      return Math.trunc(number);
    }
  }
}

function refuse(field: Field, given: unknown): JsonFormError {
  const kind = Array.isArray(given) ? 'array' : given === null ? 'null' : typeof given;
  return new JsonFormError(`Not expecting a JSON ${kind} for field '${field.name}'`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Parses a request's body.
 * @throws JsonFormError with the text that Mesos answers: the line and its rest from the error on, as far as Node.js
 *   tells the position
 */
export function parseJsonBody(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const at = Number(/at position (\d+)/.exec((error as Error).message)?.[1] ?? text.length);
    const line = text.slice(0, at).split('\n').length;
    const rest = text.slice(at).split('\n')[0] ?? '';
    throw new JsonFormError(`syntax error at line ${line} near: ${rest}`);
  }
}
