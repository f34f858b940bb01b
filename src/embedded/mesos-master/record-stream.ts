import type { ServerResponse } from 'node:http';
import { encodeRecord } from '../../protocols/recordio.ts';
import type { Encoding } from './http/content.ts';

/** A peer that doesn't read must not fill this process's memory. */
const maxPendingBytes = 64 << 20;

/** The answer of a SUBSCRIBE: RecordIO records, until either side ends it. */
export interface RecordStream {
  send(message: object): void;
  /** Ends it in order, after what was sent. */
  end(): void;
  readonly closed: boolean;
}

/**
 * @param headers besides the content type
 * @param onClose called once, also after `end`
 */
export function openRecordStream(
  response: ServerResponse,
  encoding: Encoding,
  headers: Record<string, string>,
  onClose: () => void,
): RecordStream {
  let closed = false;
  let corked = false;
  response.writeHead(200, { 'Content-Type': encoding.contentType, ...headers });
  response.flushHeaders();
  response.once('close', () => {
    closed = true;
    onClose();
  });
  // Without a listener a connection that resets would be an uncaught error.
  response.on('error', () => {});
  const uncork = () => {
    corked = false;
    response.uncork();
  };
  return {
    send(message) {
      if (closed || response.writableEnded) return;
      if (!corked) {
        // All records of one turn leave in one piece.
        corked = true;
        response.cork();
        process.nextTick(uncork);
      }
      response.write(encodeRecord(encoding.encode(message)));
      if (response.writableLength > maxPendingBytes) response.destroy();
    },
    end() {
      if (closed || response.writableEnded) return;
      response.end();
    },
    get closed() {
      return closed;
    },
  };
}
