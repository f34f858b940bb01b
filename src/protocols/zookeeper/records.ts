/**
 * The records of the ZooKeeper 3.8 client protocol, each as a type and a codec of the same name that reads and writes
 * it. `operations` ties an operation to its request and reply.
 * Source: zookeeper.jute of Apache ZooKeeper 3.8.
 */
import { errorCodes, errorOpCode, opCodes, opName, specialXids } from './constants.ts';
import { encodeFrame } from './framing.ts';
import { JuteError, type JuteReader, type JuteWriter } from './jute.ts';

/** How one type of value goes over the wire. */
export interface Codec<T> {
  /** @throws JuteError */
  read(reader: JuteReader): T;
  write(writer: JuteWriter, value: T): void;
}

export type Decoded<C> = C extends Codec<infer T> ? T : never;

const int: Codec<number> = { read: (r) => r.int(), write: (w, v) => w.int(v) };
const long: Codec<bigint> = { read: (r) => r.long(), write: (w, v) => w.long(v) };
const millis: Codec<number> = { read: (r) => r.millis(), write: (w, v) => w.millis(v) };
const bool: Codec<boolean> = { read: (r) => r.bool(), write: (w, v) => w.bool(v) };
const string: Codec<string> = { read: (r) => r.string(), write: (w, v) => w.string(v) };
const buffer: Codec<Buffer | null> = { read: (r) => r.buffer(), write: (w, v) => w.buffer(v) };

function vector<T>(item: Codec<T>): Codec<T[]> {
  return { read: (r) => r.vector(item.read), write: (w, v) => w.vector(v, item.write) };
}

/** A record of fields in the order given. */
function record<T extends object>(fields: { [K in keyof T]: Codec<T[K]> }): Codec<T> {
  const entries = Object.entries(fields) as [keyof T, Codec<T[keyof T]>][];
  return {
    read(reader) {
      const value = {} as T;
      for (const [name, codec] of entries) value[name] = codec.read(reader);
      return value;
    },
    write(writer, value) {
      for (const [name, codec] of entries) codec.write(writer, value[name]);
    },
  };
}

/** No body. */
const nothing: Codec<Record<never, never>> = { read: () => ({}), write() {} };

export interface Stat {
  czxid: bigint;
  mzxid: bigint;
  /** Milliseconds since 1970. */
  ctime: number;
  mtime: number;
  version: number;
  cversion: number;
  aversion: number;
  /** The session that owns an ephemeral node; 0 for all others, containers and TTL nodes included. */
  ephemeralOwner: bigint;
  dataLength: number;
  numChildren: number;
  pzxid: bigint;
}

export const Stat: Codec<Stat> = {
  read: (r) => ({
    czxid: r.long(),
    mzxid: r.long(),
    ctime: r.millis(),
    mtime: r.millis(),
    version: r.int(),
    cversion: r.int(),
    aversion: r.int(),
    ephemeralOwner: r.long(),
    dataLength: r.int(),
    numChildren: r.int(),
    pzxid: r.long(),
  }),
  write(w, s) {
    w.long(s.czxid);
    w.long(s.mzxid);
    w.millis(s.ctime);
    w.millis(s.mtime);
    w.int(s.version);
    w.int(s.cversion);
    w.int(s.aversion);
    w.long(s.ephemeralOwner);
    w.int(s.dataLength);
    w.int(s.numChildren);
    w.long(s.pzxid);
  },
};

/** One entry of an access control list: bits of `perms` for the identity `scheme`:`id`. */
export interface Acl {
  perms: number;
  scheme: string;
  id: string;
}

export const Acl: Codec<Acl> = record<Acl>({ perms: int, scheme: string, id: string });

const acls = vector(Acl);
const strings = vector(string);

/** The first frame of a connection, from the client. */
export interface ConnectRequest {
  protocolVersion: number;
  lastZxidSeen: bigint;
  /** Session timeout asked for, milliseconds. */
  timeoutMs: number;
  /** 0 for a new session. */
  sessionId: bigint;
  password: Buffer;
  /** Absent when the client's frame ends before it; the response then has none either. */
  readOnly?: boolean;
}

export const ConnectRequest: Codec<ConnectRequest> = {
  read(r) {
    const request: ConnectRequest = {
      protocolVersion: r.int(),
      lastZxidSeen: r.long(),
      timeoutMs: r.int(),
      sessionId: r.long(),
      password: r.buffer() ?? Buffer.alloc(0),
    };
    if (r.remaining > 0) request.readOnly = r.bool();
    return request;
  },
  write(w, v) {
    w.int(v.protocolVersion);
    w.long(v.lastZxidSeen);
    w.int(v.timeoutMs);
    w.long(v.sessionId);
    w.buffer(v.password);
    if (v.readOnly !== undefined) w.bool(v.readOnly);
  },
};

export interface ConnectResponse {
  protocolVersion: number;
  /** Negotiated session timeout, milliseconds; 0 or less: the session is expired. */
  timeoutMs: number;
  sessionId: bigint;
  password: Buffer;
  readOnly?: boolean;
}

export const ConnectResponse: Codec<ConnectResponse> = {
  read(r) {
    const response: ConnectResponse = {
      protocolVersion: r.int(),
      timeoutMs: r.int(),
      sessionId: r.long(),
      password: r.buffer() ?? Buffer.alloc(0),
    };
    if (r.remaining > 0) response.readOnly = r.bool();
    return response;
  },
  write(w, v) {
    w.int(v.protocolVersion);
    w.int(v.timeoutMs);
    w.long(v.sessionId);
    w.buffer(v.password);
    if (v.readOnly !== undefined) w.bool(v.readOnly);
  },
};

export interface RequestHeader {
  xid: number;
  /** An op code; may be one that nobody knows. */
  type: number;
}

export const RequestHeader: Codec<RequestHeader> = {
  read: (r) => ({ xid: r.int(), type: r.int() }),
  write(w, v) {
    w.int(v.xid);
    w.int(v.type);
  },
};

export interface ReplyHeader {
  xid: number;
  zxid: bigint;
  /** An error code; the body follows only when it is 0. */
  err: number;
}

export const ReplyHeader: Codec<ReplyHeader> = {
  read: (r) => ({ xid: r.int(), zxid: r.long(), err: r.int() }),
  write(w, v) {
    w.int(v.xid);
    w.long(v.zxid);
    w.int(v.err);
  },
};

/** The body of a notification (xid -1). */
export interface WatchEvent {
  /** One of `eventTypes`. */
  type: number;
  /** One of `keeperStates`. */
  state: number;
  path: string;
}

export const WatchEvent: Codec<WatchEvent> = record<WatchEvent>({ type: int, state: int, path: string });

export interface CreateRequest {
  path: string;
  data: Buffer | null;
  acl: Acl[];
  flags: number;
}

const CreateRequest: Codec<CreateRequest> = record<CreateRequest>({
  path: string,
  data: buffer,
  acl: acls,
  flags: int,
});

export interface CreateTtlRequest extends CreateRequest {
  /** Milliseconds. */
  ttl: number;
}

const CreateTtlRequest: Codec<CreateTtlRequest> = record<CreateTtlRequest>({
  path: string,
  data: buffer,
  acl: acls,
  flags: int,
  ttl: millis,
});

const path = record<{ path: string }>({ path: string });
const pathAndStat = record<{ path: string; stat: Stat }>({ path: string, stat: Stat });
const pathAndWatch = record<{ path: string; watch: boolean }>({ path: string, watch: bool });
const pathAndVersion = record<{ path: string; version: number }>({ path: string, version: int });
const pathAndType = record<{ path: string; type: number }>({ path: string, type: int });
const stat = record<{ stat: Stat }>({ stat: Stat });
const dataAndStat = record<{ data: Buffer | null; stat: Stat }>({ data: buffer, stat: Stat });
const children = record<{ children: string[] }>({ children: strings });
const SetDataRequest = record<{ path: string; data: Buffer | null; version: number }>({
  path: string,
  data: buffer,
  version: int,
});

export interface SetWatches {
  /** The last zxid the client saw: what changed later is notified at once. */
  relativeZxid: bigint;
  dataWatches: string[];
  existWatches: string[];
  childWatches: string[];
}

export interface SetWatches2 extends SetWatches {
  persistentWatches: string[];
  persistentRecursiveWatches: string[];
}

export interface ClientInfo {
  authScheme: string;
  user: string;
}

/** An operation inside a multi. */
export type MultiOp =
  | ({ op: 'create' | 'create2' | 'createContainer' } & CreateRequest)
  | ({ op: 'createTTL' } & CreateTtlRequest)
  | { op: 'delete'; path: string; version: number }
  | { op: 'setData'; path: string; data: Buffer | null; version: number }
  | { op: 'check'; path: string; version: number };

/** An operation inside a multiRead. */
export type MultiReadOp = { op: 'getData' | 'getChildren'; path: string; watch: boolean };

/** What one operation of a multi or multiRead answered. */
export type MultiResult =
  | { op: 'create'; path: string }
  | { op: 'create2' | 'createContainer' | 'createTTL'; path: string; stat: Stat }
  | { op: 'setData'; stat: Stat }
  | { op: 'delete' }
  | { op: 'check' }
  | { op: 'getData'; data: Buffer | null; stat: Stat }
  | { op: 'getChildren'; children: string[] }
  /** Its code; 0 for the operations before the failing one, runtimeInconsistency for those after it. */
  | { op: 'error'; err: number };

const multiOps = {
  create: CreateRequest,
  create2: CreateRequest,
  createContainer: CreateRequest,
  createTTL: CreateTtlRequest,
  delete: pathAndVersion,
  setData: SetDataRequest,
  check: pathAndVersion,
} as const;

const multiReadOps = { getData: pathAndWatch, getChildren: pathAndWatch } as const;

const multiResults = {
  create: path,
  create2: pathAndStat,
  createContainer: pathAndStat,
  createTTL: pathAndStat,
  setData: stat,
  delete: nothing,
  check: nothing,
  getData: dataAndStat,
  getChildren: children,
} as const;

type AnyCodec = Codec<object>;

/** Entries of {int type, bool done, int err} and a body, ended by {-1, true, -1}. */
function multiList<T extends { op: keyof typeof opCodes | 'error' }>(
  codecs: Partial<Record<keyof typeof opCodes, unknown>>,
  /** The `err` of an entry that is no error. */
  entryErr: number,
): Codec<T[]> {
  const byCode = new Map<number, { op: string; codec: AnyCodec }>();
  for (const [op, codec] of Object.entries(codecs))
    byCode.set(opCodes[op as keyof typeof opCodes], { op, codec: codec as AnyCodec });
  return {
    read(r) {
      const entries: T[] = [];
      for (;;) {
        const type = r.int();
        const done = r.bool();
        r.int();
        if (done) return entries;
        if (type === errorOpCode) {
          entries.push({ op: 'error', err: r.int() } as unknown as T);
          continue;
        }
        const entry = byCode.get(type);
        if (!entry) throw new JuteError(`operation ${type} can't be part of a multi`);
        entries.push({ op: entry.op, ...entry.codec.read(r) } as unknown as T);
      }
    },
    write(w, entries) {
      for (const entry of entries) {
        if (entry.op === 'error') {
          const { err } = entry as unknown as { err: number };
          w.int(errorOpCode);
          w.bool(false);
          w.int(err);
          w.int(err);
          continue;
        }
        w.int(opCodes[entry.op]);
        w.bool(false);
        w.int(entryErr);
        (codecs[entry.op] as AnyCodec).write(w, entry);
      }
      w.int(errorOpCode);
      w.bool(true);
      w.int(-1);
    },
  };
}

function only<K extends string, T>(name: K, codec: Codec<T>): Codec<Record<K, T>> {
  return {
    read: (r) => ({ [name]: codec.read(r) }) as Record<K, T>,
    write: (w, v) => codec.write(w, v[name]),
  };
}

const multiResultList = only('results', multiList<MultiResult>(multiResults, 0));

/** What each operation asks and answers. Replies to failed operations have no body, save multi's. */
export const operations = {
  create: { request: CreateRequest, reply: path },
  delete: { request: pathAndVersion, reply: nothing },
  exists: { request: pathAndWatch, reply: stat },
  getData: { request: pathAndWatch, reply: dataAndStat },
  setData: { request: SetDataRequest, reply: stat },
  getACL: { request: path, reply: record<{ acl: Acl[]; stat: Stat }>({ acl: acls, stat: Stat }) },
  setACL: {
    request: record<{ path: string; acl: Acl[]; version: number }>({ path: string, acl: acls, version: int }),
    reply: stat,
  },
  getChildren: { request: pathAndWatch, reply: children },
  sync: { request: path, reply: path },
  ping: { request: nothing, reply: nothing },
  getChildren2: {
    request: pathAndWatch,
    reply: record<{ children: string[]; stat: Stat }>({ children: strings, stat: Stat }),
  },
  check: { request: pathAndVersion, reply: nothing },
  multi: { request: only('ops', multiList<MultiOp>(multiOps, -1)), reply: multiResultList },
  create2: { request: CreateRequest, reply: pathAndStat },
  reconfig: {
    request: record<{ joiningServers: string; leavingServers: string; newMembers: string; curConfigId: bigint }>({
      joiningServers: string,
      leavingServers: string,
      newMembers: string,
      curConfigId: long,
    }),
    reply: dataAndStat,
  },
  checkWatches: { request: pathAndType, reply: nothing },
  removeWatches: { request: pathAndType, reply: nothing },
  createContainer: { request: CreateRequest, reply: pathAndStat },
  createTTL: { request: CreateTtlRequest, reply: pathAndStat },
  multiRead: { request: only('ops', multiList<MultiReadOp>(multiReadOps, -1)), reply: multiResultList },
  auth: {
    request: record<{ type: number; scheme: string; credentials: Buffer | null }>({
      type: int,
      scheme: string,
      credentials: buffer,
    }),
    reply: nothing,
  },
  setWatches: {
    request: record<SetWatches>({
      relativeZxid: long,
      dataWatches: strings,
      existWatches: strings,
      childWatches: strings,
    }),
    reply: nothing,
  },
  sasl: {
    request: record<{ token: Buffer | null }>({ token: buffer }),
    reply: record<{ token: Buffer | null }>({ token: buffer }),
  },
  getEphemerals: {
    request: record<{ prefixPath: string }>({ prefixPath: string }),
    reply: record<{ ephemerals: string[] }>({ ephemerals: strings }),
  },
  getAllChildrenNumber: { request: path, reply: record<{ totalNumber: number }>({ totalNumber: int }) },
  setWatches2: {
    request: record<SetWatches2>({
      relativeZxid: long,
      dataWatches: strings,
      existWatches: strings,
      childWatches: strings,
      persistentWatches: strings,
      persistentRecursiveWatches: strings,
    }),
    reply: nothing,
  },
  addWatch: {
    request: record<{ path: string; mode: number }>({ path: string, mode: int }),
    /** 0. */
    reply: record<{ err: number }>({ err: int }),
  },
  whoAmI: {
    request: nothing,
    reply: record<{ clientInfo: ClientInfo[] }>({
      clientInfo: vector(record<ClientInfo>({ authScheme: string, user: string })),
    }),
  },
  closeSession: { request: nothing, reply: nothing },
} as const satisfies Partial<Record<keyof typeof opCodes, { request: unknown; reply: unknown }>>;

export type OperationName = keyof typeof operations;
export type RequestOf<N extends OperationName> = Decoded<(typeof operations)[N]['request']>;
export type ReplyOf<N extends OperationName> = Decoded<(typeof operations)[N]['reply']>;

/** Any request, told apart by `op`. */
export type Request = { [N in OperationName]: { op: N } & RequestOf<N> }[OperationName];

/** The body of a request as `{ op, …fields }`, or undefined for an op code that clients don't send. @throws JuteError */
export function readRequest(type: number, reader: JuteReader): Request | undefined {
  const op = operationOf(type);
  if (!op) return undefined;
  return { op, ...(operations[op].request as AnyCodec).read(reader) } as Request;
}

/** The operation of an op code, undefined for one that clients don't send. */
export function operationOf(type: number): OperationName | undefined {
  const name = opName(type);
  return name !== undefined && name in operations ? (name as OperationName) : undefined;
}

/** A frame with header and body of a request. */
export function encodeRequest<N extends OperationName>(xid: number, op: N, request: RequestOf<N>): Buffer {
  return encodeFrame((w) => {
    w.int(xid);
    w.int(opCodes[op]);
    (operations[op].request as AnyCodec).write(w, request);
  });
}

/** A frame with the reply to an operation that succeeded (or to a multi that failed: its header says 0 too). */
export function encodeReply<N extends OperationName>(xid: number, zxid: bigint, op: N, reply: ReplyOf<N>): Buffer {
  return encodeFrame((w) => {
    ReplyHeader.write(w, { xid, zxid, err: errorCodes.ok });
    (operations[op].reply as AnyCodec).write(w, reply);
  });
}

/** A frame with a header alone: a failure, or a success without body. */
export function encodeReplyHeader(xid: number, zxid: bigint, err: number): Buffer {
  return encodeFrame((w) => ReplyHeader.write(w, { xid, zxid, err }), 20);
}

/** A notification frame. */
export function encodeWatchEvent(event: WatchEvent): Buffer {
  return encodeFrame((w) => {
    ReplyHeader.write(w, { xid: specialXids.notification, zxid: -1n, err: 0 });
    WatchEvent.write(w, event);
  });
}
