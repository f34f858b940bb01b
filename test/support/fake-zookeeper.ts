import { type AddressInfo, createServer, type Socket } from 'node:net';
import { opCodes, specialXids } from '../../src/protocols/zookeeper/constants.ts';
import { createFrameSplitter, encodeFrame } from '../../src/protocols/zookeeper/framing.ts';
import { JuteReader } from '../../src/protocols/zookeeper/jute.ts';
import {
  ConnectRequest,
  ConnectResponse,
  encodeReplyHeader,
  type Request,
  RequestHeader,
  readRequest,
} from '../../src/protocols/zookeeper/records.ts';

export interface FakeConnection {
  /** What the client said first. */
  connect: ConnectRequest;
  /** Requests but pings, in order. */
  requests: Request[];
  pings: number;
  send(frame: Buffer): void;
  end(): void;
}

/** A server of the ZooKeeper protocol whose every answer the test decides. */
export interface FakeZooKeeper {
  port: number;
  /** Oldest first; those answered at least. */
  connections: FakeConnection[];
  close(): Promise<void>;
}

export interface FakeBehaviour {
  /** The answer to a connect; undefined: none ever; 'hang up': the connection ends. Default: a session of 1000 ms. */
  onConnect?(request: ConnectRequest): Partial<ConnectResponse> | 'hang up' | undefined;
  /** Frames to answer; 'hang up'; undefined: silence. Default: a reply with err 0 and no body. */
  onRequest?(request: Request, xid: number, connection: FakeConnection): Buffer | 'hang up' | undefined;
  /** Default true. */
  answersPings?(): boolean;
}

export async function startFakeZooKeeper(behaviour: FakeBehaviour = {}, port = 0): Promise<FakeZooKeeper> {
  const sockets = new Set<Socket>();
  const connections: FakeConnection[] = [];
  let nextSession = 0x1000n;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    let connection: FakeConnection | undefined;
    const push = createFrameSplitter((frame) => {
      const reader = new JuteReader(frame);
      if (!connection) {
        const connect = ConnectRequest.read(reader);
        const answer = behaviour.onConnect ? behaviour.onConnect(connect) : {};
        if (answer === undefined) return;
        if (answer === 'hang up') {
          socket.destroy();
          return;
        }
        connection = {
          connect,
          requests: [],
          pings: 0,
          send: (bytes) => void socket.write(bytes),
          end: () => void socket.destroy(),
        };
        const sessionId = connect.sessionId === 0n ? nextSession++ : connect.sessionId;
        const response = {
          protocolVersion: 0,
          timeoutMs: 1000,
          sessionId,
          password: Buffer.alloc(16, 7),
          readOnly: false,
        };
        socket.write(encodeFrame((w) => ConnectResponse.write(w, { ...response, ...answer })));
        connections.push(connection);
        return;
      }
      const header = RequestHeader.read(reader);
      if (header.type === opCodes.ping) {
        connection.pings++;
        if (behaviour.answersPings?.() ?? true) socket.write(encodeReplyHeader(specialXids.ping, 1n, 0));
        return;
      }
      const request = readRequest(header.type, reader);
      if (!request) throw new Error(`unknown operation ${header.type}`);
      connection.requests.push(request);
      const answer = behaviour.onRequest
        ? behaviour.onRequest(request, header.xid, connection)
        : encodeReplyHeader(header.xid, 1n, 0);
      if (answer === 'hang up') socket.destroy();
      else if (answer) socket.write(answer);
    });
    socket.on('data', push);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
