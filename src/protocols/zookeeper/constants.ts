/** Numbers of the ZooKeeper 3.8 client protocol. Source: ZooDefs, KeeperException.Code, Watcher.Event of its Java client. */

export const opCodes = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getACL: 6,
  setACL: 7,
  getChildren: 8,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  check: 13,
  multi: 14,
  create2: 15,
  reconfig: 16,
  checkWatches: 17,
  removeWatches: 18,
  createContainer: 19,
  /** Only servers send it to themselves. */
  deleteContainer: 20,
  createTTL: 21,
  multiRead: 22,
  auth: 100,
  setWatches: 101,
  sasl: 102,
  getEphemerals: 103,
  getAllChildrenNumber: 104,
  setWatches2: 105,
  addWatch: 106,
  whoAmI: 107,
  createSession: -10,
  closeSession: -11,
} as const;

export type OpName = keyof typeof opCodes;

/** In a multi's answers: this operation failed. */
export const errorOpCode = -1;

const opNames = new Map<number, OpName>(Object.entries(opCodes).map(([name, code]) => [code, name as OpName]));

export function opName(code: number): OpName | undefined {
  return opNames.get(code);
}

/** Reserved xids in headers. */
export const specialXids = { notification: -1, ping: -2, auth: -4, setWatches: -8 } as const;

export const errorCodes = {
  ok: 0,
  systemError: -1,
  runtimeInconsistency: -2,
  dataInconsistency: -3,
  connectionLoss: -4,
  marshallingError: -5,
  unimplemented: -6,
  operationTimeout: -7,
  badArguments: -8,
  newConfigNoQuorum: -13,
  reconfigInProgress: -14,
  apiError: -100,
  noNode: -101,
  noAuth: -102,
  badVersion: -103,
  noChildrenForEphemerals: -108,
  nodeExists: -110,
  notEmpty: -111,
  sessionExpired: -112,
  invalidCallback: -113,
  invalidACL: -114,
  authFailed: -115,
  sessionMoved: -118,
  notReadOnly: -119,
  ephemeralOnLocalSession: -120,
  noWatcher: -121,
  requestTimeout: -122,
  reconfigDisabled: -123,
  sessionClosedRequireSaslAuth: -124,
  quotaExceeded: -125,
  throttledOp: -127,
} as const;

export type ErrorName = keyof typeof errorCodes;

const errorNames = new Map<number, ErrorName>(
  Object.entries(errorCodes).map(([name, code]) => [code, name as ErrorName]),
);

/** The name of an error code, `unknown` for one that the protocol doesn't have. */
export function errorName(code: number): ErrorName | 'unknown' {
  return errorNames.get(code) ?? 'unknown';
}

/** The `flags` of create. */
export const createFlags = {
  persistent: 0,
  ephemeral: 1,
  persistentSequential: 2,
  ephemeralSequential: 3,
  container: 4,
  persistentTTL: 5,
  persistentSequentialTTL: 6,
} as const;

export type CreateMode = keyof typeof createFlags;

/** Permissions of an ACL entry, as bits. */
export const perms = { read: 1, write: 2, create: 4, delete: 8, admin: 16, all: 31 } as const;

export const eventTypes = {
  none: -1,
  created: 1,
  deleted: 2,
  dataChanged: 3,
  childrenChanged: 4,
  dataWatchRemoved: 5,
  childWatchRemoved: 6,
  persistentWatchRemoved: 7,
} as const;

/** The `state` of a watch event. Servers send syncConnected only. */
export const keeperStates = {
  disconnected: 0,
  syncConnected: 3,
  authFailed: 4,
  connectedReadOnly: 5,
  saslAuthenticated: 6,
  expired: -112,
  closed: 7,
} as const;

/** The `type` of checkWatches and removeWatches. */
export const watcherTypes = { children: 1, data: 2, any: 3 } as const;

/** The `mode` of addWatch. */
export const addWatchModes = { persistent: 0, persistentRecursive: 1 } as const;

/** Matches any version in delete, setData, setACL and check. */
export const anyVersion = -1;
