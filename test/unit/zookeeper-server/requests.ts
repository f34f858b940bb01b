import { opCodes } from '../../../src/protocols/zookeeper/constants.ts';
import { encodeRequest, type OperationName, type RequestOf } from '../../../src/protocols/zookeeper/records.ts';

export type OpCodeName = OperationName;

/** Code and body of a request, as a client sends them. */
export function requestBody(op: OperationName, fields: object): { type: number; body: Buffer } {
  // Length, xid and type come first.
  return { type: opCodes[op], body: encodeRequest(1, op, fields as RequestOf<typeof op>).subarray(12) };
}
