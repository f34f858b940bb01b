/** The state as bytes, and back. */
import { JuteReader, JuteWriter } from '../../../protocols/zookeeper/jute.ts';
import { Acl } from '../../../protocols/zookeeper/records.ts';
import type { Session, State } from './machine.ts';
import { nameOf, parentOf } from './paths.ts';
import type { Tree, Znode } from './tree.ts';

const version = 1;

export class SnapshotError extends Error {}

export function encodeState(state: State): Buffer {
  const w = new JuteWriter(state.tree.dataSize + state.tree.nodes.size * 120 + 4096);
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
  const lists = new Map<readonly Acl[], number>();
  for (const node of state.tree.nodes.values()) if (!lists.has(node.acl)) lists.set(node.acl, lists.size);
  w.vector([...lists.keys()], (writer, list) => writer.vector(list, Acl.write));
  w.int(state.tree.nodes.size);
  for (const [path, node] of state.tree.nodes) {
    w.string(path);
    w.bool(node.data !== null);
    w.string(node.data ?? '');
    w.int(lists.get(node.acl)!);
    w.millis(node.czxid);
    w.millis(node.mzxid);
    w.millis(node.pzxid);
    w.millis(node.ctime);
    w.millis(node.mtime);
    w.int(node.version);
    w.int(node.aversion);
    w.millis(node.creations);
    w.long(node.owner);
  }
  return w.finish();
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
  const lists = r.vector((reader) => reader.vector(Acl.read));
  const tree: Tree = { nodes: new Map(), dataSize: 0 };
  for (let count = r.int(); count > 0; count--) {
    const path = r.string();
    const node: Znode = {
      data: readData(r),
      acl: lists[r.int()] ?? [],
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
    tree.nodes.set(path, node);
    tree.dataSize += path.length + (node.data?.length ?? 0);
    if (path === '/') continue;
    const parent = tree.nodes.get(parentOf(path));
    if (!parent) throw new SnapshotError(`${path} has no parent in the snapshot`);
    parent.children ??= new Set();
    parent.children.add(nameOf(path));
  }
  return { tree, sessions, ensemble, epoch, counter };
}

function readData(r: JuteReader): string | null {
  const present = r.bool();
  const data = r.string();
  return present ? data : null;
}
