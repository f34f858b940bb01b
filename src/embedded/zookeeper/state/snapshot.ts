/** The state as bytes, and back. */
import { JuteReader, JuteWriter } from '../../../protocols/zookeeper/jute.ts';
import { Acl } from '../../../protocols/zookeeper/records.ts';
import { type Session, type State, zxidOf } from './machine.ts';
import { parentOf } from './paths.ts';
import type { Tree, Znode } from './tree.ts';

const version = 2;
const defaultPieceBytes = 1 << 17;

export class SnapshotError extends Error {}

/** A state on its way out as bytes, piece by piece; it may change meanwhile. */
export interface StateEncoder extends Iterable<Buffer> {
  /** The next piece, of the state as it was when the encoder was made; undefined after the last. */
  next(): Buffer | undefined;
  /** Has to be called, whether or not everything was taken. */
  end(): void;
}

/**
 * Encoding a large state at one go would keep clients waiting. So a node that is about to change is encoded before it
 * does, and those that are newer than the encoder are left out. A node may be encoded twice: the first time counts.
 */
export function createStateEncoder(state: State, pieceBytes = defaultPieceBytes): StateEncoder {
  const { tree } = state;
  const zxid = zxidOf(state);
  const nodes = tree.nodes.entries();
  const before = new Set<Znode>();
  const lists = new Map<readonly Acl[], number>();
  let w = new JuteWriter(pieceBytes + 4096);
  let done = false;

  const writeNode = (path: string, node: Znode) => {
    if (node.czxid > zxid || before.has(node)) return;
    w.string(path);
    w.bool(node.data !== null);
    w.string(node.data ?? '');
    const list = lists.get(node.acl) ?? lists.size;
    w.int(list);
    if (list === lists.size) {
      lists.set(node.acl, list);
      w.vector(node.acl, Acl.write);
    }
    w.millis(node.czxid);
    w.millis(node.mzxid);
    w.millis(node.pzxid);
    w.millis(node.ctime);
    w.millis(node.mtime);
    w.int(node.version);
    w.int(node.aversion);
    w.millis(node.creations);
    w.long(node.owner);
  };
  const onChanging = (path: string, node: Znode) => {
    writeNode(path, node);
    before.add(node);
  };

  writeHead(w, state);
  tree.observers.add(onChanging);
  const encoder: StateEncoder = {
    next() {
      if (done) return undefined;
      while (w.size < pieceBytes) {
        const { value } = nodes.next();
        if (!value) {
          w.string('');
          encoder.end();
          break;
        }
        writeNode(value[0], value[1]);
      }
      const piece = w.finish();
      w = new JuteWriter(done ? 0 : pieceBytes + 4096);
      return piece;
    },
    end() {
      done = true;
      tree.observers.delete(onChanging);
    },
    *[Symbol.iterator]() {
      for (let piece = encoder.next(); piece; piece = encoder.next()) yield piece;
    },
  };
  return encoder;
}

function writeHead(w: JuteWriter, state: State): void {
  w.int(version);
  w.string(state.ensemble);
  w.millis(state.epoch);
  w.millis(state.counter);
  w.int(state.sessions.size);
  for (const session of state.sessions.values()) {
    w.long(session.id);
    w.int(session.timeoutMs);
    w.buffer(session.password);
    w.int(session.owner);
    w.int(session.attachments);
    // The order decides in which order the nodes go with the session, so it must be the same on all servers.
    w.vector([...session.ephemerals], (writer, path) => writer.string(path));
  }
}

/** The whole state at one go. */
export function encodeState(state: State): Buffer {
  return Buffer.concat([...createStateEncoder(state)]);
}

/** @throws SnapshotError, JuteError */
export function decodeState(bytes: Buffer): State {
  const r = new JuteReader(bytes);
  const found = r.int();
  if (found !== version) throw new SnapshotError(`a snapshot of version ${found}, this program reads ${version}`);
  const ensemble = r.string();
  const epoch = r.millis();
  const counter = r.millis();
  const sessions = new Map<bigint, Session>();
  for (let count = r.int(); count > 0; count--) {
    const session: Session = {
      id: r.long(),
      timeoutMs: r.int(),
      password: Buffer.from(r.buffer() ?? []),
      owner: r.int(),
      attachments: r.int(),
      ephemerals: new Set(r.vector((reader) => reader.string())),
    };
    sessions.set(session.id, session);
  }
  return { tree: readTree(r), sessions, ensemble, epoch, counter };
}

function readTree(r: JuteReader): Tree {
  const lists: Acl[][] = [];
  const tree: Tree = { nodes: new Map(), dataSize: 0, observers: new Set() };
  for (let path = r.string(); path !== ''; path = r.string()) {
    const node: Znode = {
      data: readData(r),
      acl: readAcl(r, lists),
      czxid: r.millis(),
      mzxid: r.millis(),
      pzxid: r.millis(),
      ctime: r.millis(),
      mtime: r.millis(),
      version: r.int(),
      aversion: r.int(),
      creations: r.millis(),
      owner: r.long(),
      children: undefined,
    };
    if (tree.nodes.has(path)) continue;
    tree.nodes.set(path, node);
    tree.dataSize += path.length + (node.data?.length ?? 0);
  }
  // A child that changed while the snapshot was made may come before its parent.
  for (const path of tree.nodes.keys()) {
    if (path === '/') continue;
    const parent = tree.nodes.get(parentOf(path));
    if (!parent) throw new SnapshotError(`${path} has no parent in the snapshot`);
    parent.children ??= new Set();
    parent.children.add(path);
  }
  return tree;
}

function readData(r: JuteReader): string | null {
  const present = r.bool();
  const data = r.string();
  return present ? data : null;
}

/** The number of a list; the list itself follows where its number comes first. */
function readAcl(r: JuteReader, lists: Acl[][]): readonly Acl[] {
  const number = r.int();
  if (number === lists.length) lists.push(r.vector(Acl.read));
  const list = lists[number];
  if (!list) throw new SnapshotError(`the list of rights ${number} is not in the snapshot`);
  return list;
}
