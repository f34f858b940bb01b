/**
 * A world of consensus cores with a network that loses, delays, doubles and reorders, disks that are slow and forget
 * what was not saved, and servers that crash: all from one seed, so that a failing schedule can be played again.
 */
import { createRaft } from '../../../src/embedded/zookeeper/raft/core.ts';
import { createRaftLog, type RaftLog } from '../../../src/embedded/zookeeper/raft/log.ts';
import type { Entry, Envelope } from '../../../src/embedded/zookeeper/raft/messages.ts';
import type { Raft, Save } from '../../../src/embedded/zookeeper/raft/types.ts';

export interface WorldOptions {
  seed: number;
  servers: number;
  /** Probabilities of one message. */
  loss: number;
  duplication: number;
  /** Longest delay of a message and of a write to disk, milliseconds. */
  delay: number;
  diskDelay: number;
  /** Faults a simulated second. */
  crashes: number;
  partitions: number;
  /** Mean milliseconds between proposals. */
  proposalEvery: number;
  /** Entries after which a server replaces its log by a snapshot. */
  snapshotEvery: number;
}

interface Disk {
  term: number;
  votedFor: number | undefined;
  base: { index: number; term: number };
  snapshot: Buffer | undefined;
  entries: Entry[];
}

interface Node {
  id: number;
  disk: Disk;
  up: boolean;
  /** Changes with every start: what belongs to an earlier life is void. */
  life: number;
  raft: Raft;
  log: RaftLog;
  unsaved: { save: Save; afterSave: Envelope[]; life: number }[];
  saving: boolean;
  applied: { index: number; hash: number };
  wasLeader: boolean;
}

const electionMs = 500;
const heartbeatMs = 100;

/** A random number generator of one seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export interface World {
  /** Runs for so many simulated milliseconds. @throws when a promise of Raft is broken */
  run(ms: number): void;
  /** Ends all faults and lets the servers come together. */
  heal(): void;
  propose(text: string): boolean;
  readonly nodes: readonly Node[];
  /** What any server ever applied, by index. */
  readonly committed: ReadonlyMap<number, { term: number; hash: number }>;
  readonly elections: number;
  readonly snapshotsInstalled: number;
}

export function createWorld(options: WorldOptions): World {
  const random = seeded(options.seed);
  const ids = Array.from({ length: options.servers }, (_, i) => i + 1);
  let time = 0;
  let order = 0;
  let calm = false;
  let proposals = 0;
  let snapshotsInstalled = 0;
  const events: { at: number; order: number; run: () => void }[] = [];
  const cut = new Set<string>();
  const committed = new Map<number, { term: number; hash: number }>();
  const leaders = new Map<number, number>();
  const nodes: Node[] = [];

  const at = (delay: number, run: () => void) => {
    const event = { at: time + delay, order: order++, run };
    let low = 0;
    let high = events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = events[middle]!;
      if (other.at > event.at || (other.at === event.at && other.order > event.order)) low = middle + 1;
      else high = middle;
    }
    events.splice(low, 0, event);
  };

  const fail = (what: string): never => {
    throw new Error(`${what} (seed ${options.seed}, at ${Math.round(time)} ms)`);
  };

  const isCut = (a: number, b: number) => cut.has(`${Math.min(a, b)}-${Math.max(a, b)}`);

  const boot = (node: Node) => {
    node.life++;
    node.up = true;
    node.unsaved = [];
    node.saving = false;
    node.wasLeader = false;
    node.applied = node.disk.snapshot ? JSON.parse(node.disk.snapshot.toString()) : { index: 0, hash: 0 };
    node.log = createRaftLog(node.disk.base, node.disk.entries);
    node.raft = createRaft({
      id: node.id,
      voters: ids,
      log: node.log,
      term: node.disk.term,
      votedFor: node.disk.votedFor,
      commit: node.disk.base.index,
      heartbeatMs,
      electionMs,
      quickElectionMs: [5, 25],
      random,
    });
    for (const other of nodes)
      if (other !== node && other.up && !isCut(node.id, other.id)) {
        connect(node, other);
        connect(other, node);
      }
    settle(node);
  };

  /** Counts the connections of each ordered pair: the end of an earlier one doesn't end a later one. */
  const connections = new Map<string, number>();

  const connect = (node: Node, other: Node) => {
    const { life } = node;
    at(random() * 10, () => {
      if (node.life !== life || !node.up || !other.up || isCut(node.id, other.id)) return;
      const pair = `${node.id}-${other.id}`;
      connections.set(pair, (connections.get(pair) ?? 0) + 1);
      node.raft.connected(other.id, time);
      settle(node);
    });
  };

  const disconnect = (node: Node, other: number) => {
    const { life } = node;
    const pair = `${node.id}-${other}`;
    const connection = connections.get(pair);
    at(random() * 5, () => {
      if (node.life !== life || !node.up || connections.get(pair) !== connection) return;
      node.raft.disconnected(other, time);
      settle(node);
    });
  };

  const transmit = (from: Node, { to, message }: Envelope) => {
    const copies = calm ? 1 : random() < options.loss ? 0 : random() < options.duplication ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const target = nodes[to - 1]!;
      at(calm ? 1 : random() * options.delay, () => {
        if (!target.up || isCut(from.id, to)) return;
        target.raft.step(from.id, message, time);
        settle(target);
      });
    }
  };

  /** Everything a server does after an input. */
  const settle = (node: Node) => {
    for (let output = node.raft.take(); output; output = node.raft.take()) {
      for (const envelope of output.send) transmit(node, envelope);
      if (output.save) {
        if (output.save.snapshot) {
          node.applied = JSON.parse(output.save.snapshot.data.toString());
          snapshotsInstalled++;
        }
        node.unsaved.push({ save: output.save, afterSave: output.afterSave, life: node.life });
        save(node);
      } else if (node.unsaved.length > 0) node.unsaved.at(-1)!.afterSave.push(...output.afterSave);
      else for (const envelope of output.afterSave) transmit(node, envelope);
      for (const peer of output.snapshotFor)
        node.raft.provideSnapshot(peer, {
          index: node.applied.index,
          lastTerm: node.log.termAt(node.applied.index)!,
          data: Buffer.from(JSON.stringify(node.applied)),
        });
    }
    observe(node);
    apply(node);
  };

  const save = (node: Node) => {
    if (node.saving || node.unsaved.length === 0) return;
    node.saving = true;
    const { life } = node;
    at(calm ? 1 : random() * options.diskDelay, () => {
      if (node.life !== life || !node.up) return;
      node.saving = false;
      const batch = node.unsaved.splice(0, node.unsaved.length);
      for (const { save: saved } of batch) writeToDisk(node.disk, saved);
      for (const { save: saved, afterSave } of batch) {
        for (const envelope of afterSave) transmit(node, envelope);
        node.raft.saved(saved, time);
      }
      settle(node);
      save(node);
    });
  };

  const observe = (node: Node) => {
    const leads = node.raft.role === 'leader';
    if (leads && !node.wasLeader) {
      const known = leaders.get(node.raft.term);
      if (known !== undefined && known !== node.id)
        fail(`election safety: servers ${known} and ${node.id} both lead in term ${node.raft.term}`);
      leaders.set(node.raft.term, node.id);
      for (const [index, entry] of committed) {
        if (index < node.log.firstIndex) continue;
        if (node.log.termAt(index) !== entry.term)
          fail(`leader completeness: server ${node.id} leads without the committed entry ${index}`);
      }
    }
    node.wasLeader = leads;
  };

  const apply = (node: Node) => {
    while (node.applied.index < node.raft.applicable && node.log.firstIndex <= node.applied.index + 1) {
      const index = node.applied.index + 1;
      const entry = node.log.entryAt(index);
      const hash = entry.data.reduce((sum, byte) => (Math.imul(sum, 31) + byte) | 0, node.applied.hash + entry.term);
      node.applied = { index, hash };
      const known = committed.get(index);
      if (!known) committed.set(index, { term: entry.term, hash });
      else if (known.hash !== hash || known.term !== entry.term)
        fail(`state machine safety: server ${node.id} applied another entry ${index}`);
    }
    const since = node.applied.index - node.disk.base.index;
    if (since < options.snapshotEvery || node.unsaved.length > 0 || node.raft.applicable < node.applied.index) return;
    const { index } = node.applied;
    const term = node.log.termAt(index)!;
    node.disk.entries = node.disk.entries.slice(index - node.disk.base.index);
    node.disk.base = { index, term };
    node.disk.snapshot = Buffer.from(JSON.stringify(node.applied));
    node.raft.compact(index - 2);
  };

  const crash = (node: Node) => {
    node.up = false;
    node.life++;
    for (const other of nodes) if (other.up) disconnect(other, node.id);
    at(random() * 1000, () => {
      if (!node.up) boot(node);
    });
  };

  const partition = () => {
    const island = new Set(ids.filter(() => random() < 0.4));
    for (const a of ids)
      for (const b of ids)
        if (a < b && island.has(a) !== island.has(b)) {
          cut.add(`${a}-${b}`);
          disconnect(nodes[a - 1]!, b);
          disconnect(nodes[b - 1]!, a);
        }
    at(200 + random() * 2000, mend);
  };

  const mend = () => {
    const pairs = [...cut];
    cut.clear();
    for (const pair of pairs) {
      const [a, b] = pair.split('-').map((id) => nodes[Number(id) - 1]!) as [Node, Node];
      if (!a.up || !b.up) continue;
      connect(a, b);
      connect(b, a);
    }
  };

  const checkLogs = () => {
    for (const a of nodes)
      for (const b of nodes) {
        if (a.id >= b.id || !a.up || !b.up) continue;
        const first = Math.max(a.log.firstIndex, b.log.firstIndex);
        let same = false;
        for (let index = Math.min(a.log.lastIndex, b.log.lastIndex); index >= first; index--) {
          const ours = a.log.entryAt(index);
          const theirs = b.log.entryAt(index);
          if (ours.term === theirs.term) {
            if (!ours.data.equals(theirs.data)) fail(`log matching: entry ${index} differs on ${a.id} and ${b.id}`);
            same = true;
          } else if (same) fail(`log matching: ${a.id} and ${b.id} agree after entry ${index} but not on it`);
        }
      }
  };

  const propose = (text: string): boolean => {
    let accepted = false;
    for (const node of nodes)
      if (node.up && node.raft.propose(Buffer.from(text)) !== undefined) {
        accepted = true;
        settle(node);
      }
    return accepted;
  };

  const every = (mean: number, run: () => void) => {
    if (mean === Number.POSITIVE_INFINITY) return;
    const again = () => {
      if (!calm) run();
      at(random() * 2 * mean, again);
    };
    at(random() * 2 * mean, again);
  };

  for (const id of ids)
    nodes.push({
      id,
      disk: { term: 0, votedFor: undefined, base: { index: 0, term: 0 }, snapshot: undefined, entries: [] },
      up: false,
      life: 0,
      unsaved: [],
      saving: false,
      applied: { index: 0, hash: 0 },
      wasLeader: false,
    } as unknown as Node);
  for (const node of nodes) at(random() * 20, () => boot(node));
  const tick = (node: Node) => {
    if (node.up) {
      node.raft.tick(time);
      settle(node);
    }
    at(5 + random() * 5, () => tick(node));
  };
  for (const node of nodes) at(random() * 10, () => tick(node));
  every(options.proposalEvery, () => propose(`p${proposals++}`));
  every(1000 / options.crashes, () => {
    const node = nodes[Math.floor(random() * nodes.length)]!;
    if (node.up) crash(node);
  });
  every(1000 / options.partitions, () => {
    if (cut.size === 0) partition();
  });
  every(100, checkLogs);

  return {
    nodes,
    committed,
    get elections() {
      return leaders.size;
    },
    get snapshotsInstalled() {
      return snapshotsInstalled;
    },
    propose,
    run(ms) {
      const until = time + ms;
      for (let event = events.at(-1); event && event.at <= until; event = events.at(-1)) {
        events.pop();
        time = event.at;
        event.run();
      }
      time = until;
      checkLogs();
    },
    heal() {
      calm = true;
      mend();
      for (const node of nodes) if (!node.up && node.life > 0) boot(node);
    },
  };
}

function writeToDisk(disk: Disk, save: Save): void {
  if (save.state) Object.assign(disk, save.state);
  if (save.snapshot) {
    disk.base = { index: save.snapshot.index, term: save.snapshot.lastTerm };
    disk.snapshot = save.snapshot.data;
    disk.entries = [];
  }
  if (!save.entries) return;
  const kept = save.entries.from - disk.base.index - 1;
  const skipped = Math.max(0, -kept);
  disk.entries.length = Math.min(disk.entries.length, Math.max(0, kept));
  disk.entries.push(...save.entries.list.slice(skipped));
}
