/** Replies to what went through the log, and the names that `cons` gives to requests. */
import { errorCodes, opCodes } from '../../../protocols/zookeeper/constants.ts';
import { encodeReply, encodeReplyHeader } from '../../../protocols/zookeeper/records.ts';
import type { Applied, Outcome } from '../state/machine.ts';

/**
 * The reply to a request that went through the log; undefined: the connection ends without an answer.
 * @param path of a sync
 */
export function encodeOutcome(xid: number, applied: Applied, path: string | undefined): Buffer | undefined {
  const { outcome, zxid } = applied;
  const id = BigInt(zxid);
  switch (outcome.kind) {
    case 'error':
      // The client is connected to another server by now: the real server ends this connection without an answer.
      if (outcome.err === errorCodes.sessionMoved) return undefined;
      return encodeReplyHeader(xid, id, outcome.err);
    case 'multi':
      return encodeReply(xid, id, 'multi', { results: outcome.results });
    case 'result':
      return encodeResult(xid, id, outcome);
    case 'closed':
      return encodeReplyHeader(xid, id, errorCodes.ok);
    default:
      return encodeReply(xid, id, 'sync', { path: path ?? '' });
  }
}

function encodeResult(xid: number, zxid: bigint, { result }: Outcome & { kind: 'result' }): Buffer | undefined {
  switch (result.op) {
    case 'create':
      return encodeReply(xid, zxid, 'create', { path: result.path });
    case 'create2':
    case 'createContainer':
    case 'createTTL':
      return encodeReply(xid, zxid, 'create2', { path: result.path, stat: result.stat });
    case 'setData':
      return encodeReply(xid, zxid, 'setData', { stat: result.stat });
    case 'delete':
      return encodeReplyHeader(xid, zxid, errorCodes.ok);
    default:
      // A check alone: the real server fails over it and closes the connection.
      return undefined;
  }
}

/** As `cons` shows the last operation. */
export const opLabels: ReadonlyMap<number, string> = new Map([
  [opCodes.create, 'CREA'],
  [opCodes.create2, 'CREA'],
  [opCodes.createContainer, 'CREA'],
  [opCodes.createTTL, 'CREA'],
  [opCodes.delete, 'DELE'],
  [opCodes.exists, 'EXIS'],
  [opCodes.getData, 'GETD'],
  [opCodes.setData, 'SETD'],
  [opCodes.getACL, 'GETA'],
  [opCodes.setACL, 'SETA'],
  [opCodes.getChildren, 'GETC'],
  [opCodes.getChildren2, 'GETC'],
  [opCodes.sync, 'SYNC'],
  [opCodes.ping, 'PING'],
  [opCodes.multi, 'MULT'],
  [opCodes.multiRead, 'MLTR'],
  [opCodes.setWatches, 'SETW'],
  [opCodes.setWatches2, 'STW2'],
  [opCodes.addWatch, 'ADDW'],
  [opCodes.checkWatches, 'CHKW'],
  [opCodes.removeWatches, 'REMW'],
  [opCodes.getEphemerals, 'GETE'],
  [opCodes.getAllChildrenNumber, 'GETACN'],
  [opCodes.whoAmI, 'WHOA'],
  [opCodes.closeSession, 'CLOS'],
]);
