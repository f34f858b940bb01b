/**
 * One server's copy of the replicated state: the consensus core with its disk, its peers and its clock, and the state
 * machine that the committed entries feed.
 */
import { randomUUID } from 'node:crypto';
import { setImmediate as immediate } from 'node:timers/promises';
import type { Clock } from '../../support/clock.ts';
import { messageOf } from '../../support/errors.ts';
import type { Logger } from '../../support/logger.ts';
import type { Network } from '../../support/network.ts';
import type { ZooConfig } from './config.ts';
import { createHostClock, type HostClock } from './host-clock.ts';
import type { Identity } from './identity.ts';
import { createLinks, type Links } from './peers/links.ts';
import type { PeerMessage } from './peers/wire.ts';
import { createRaft } from './raft/core.ts';
import type { Envelope } from './raft/messages.ts';
import type { Raft } from './raft/types.ts';
import { type Command, encodeCommand, isCommand, type Origin, stampCommand } from './state/commands.ts';
import { type Applied, createMachine, type Machine } from './state/machine.ts';
import { createStateEncoder, decodeState, type StateEncoder } from './state/snapshot.ts';
import { openStorage, type Storage } from './storage/storage.ts';

export interface ReplicaOptions {
  config: ZooConfig;
  identity: Identity;
  clock: Clock;
  random: () => number;
  network: Network;
  log: Logger;
  /** In the order of the log, on every server. */
  onApplied: (applied: Applied) => void;
  /** Whether clients may be served: there is a leader, and what it had committed is applied here. */
  onServing: (serving: boolean) => void;
  /** Runs about twice a tick; see HostClock. */
  onPulse: (lateMs: number) => void;
  /** The leader was heard of, and gets an answer in a moment: what else it must know can go with it. */
  onLeaderBeat: () => void;
  /** This server leads since now, or no more. */
  onLeading: (leading: boolean) => void;
  /** Sessions that a follower heard of; only at the leader. */
  onTouched: (sessions: readonly bigint[]) => void;
  /** The replica can't go on: the disk failed, or its data belongs to another ensemble. */
  onFailure: (reason: string) => void;
}

export interface Replica {
  readonly machine: Machine;
  readonly raft: Raft;
  readonly hostClock: HostClock;
  readonly serving: boolean;
  /** Not serving, but in touch with enough servers to do so soon. */
  readonly electing: boolean;
  /** Bytes of snapshots' log on disk. */
  readonly logBytes: number;
  /** Opens the quorum port. */
  listen(): Promise<void>;
  start(): void;
  /** Brings a command into the log, through the leader. False when there is no leader: it is not in the log then. */
  submit(command: Buffer): boolean;
  /** As the leader: a command of nobody's. */
  propose(command: Command): void;
  /** As a follower: tells the leader which sessions were heard of. */
  touch(sessions: readonly bigint[]): void;
  stop(): Promise<void>;
}

/** Memory for entries that were applied, for followers that lag behind; a snapshot brings on those that lag further. */
const trailingBytes = 1 << 20;
/** A follower that is connected has what it lacks kept up to here: sending it a snapshot would only set it back. */
const backlogBytes = 64 << 20;
/** Entries; while a follower lags it is not worth while to forget fewer. */
const leastShortening = 500;
/** So much in the log is due for a snapshot, unless the last snapshot was larger still. */
const snapshotBytes = 16 << 20;
/** So long after its start a server expects to find the others, milliseconds. */
const startUpMs = 500;

/** @throws DataError, system errors */
export function createReplica(options: ReplicaOptions): Replica {
  const { config, clock, log, network } = options;
  const self = config.peers.find((peer) => peer.id === config.id)!;
  const others = config.peers.filter((peer) => peer.id !== config.id);
  const majority = Math.floor(config.peers.length / 2) + 1;
  const nobody: Origin = { server: config.id, run: 0, sequence: 0 };

  const machine = createMachine({ extendedTypes: config.extendedTypes, skipAcl: config.skipAcl });
  const saves: { afterSave: Envelope[] }[] = [];
  const foreigners = new Set<number>();
  let stopped = false;
  let serving = false;
  let leading = false;
  let flushing = false;
  /** The leader this server follows over standing connections; `target`: what it had committed at that time. */
  let following: { leader: number; term: number; target?: number } | undefined;
  let snapshotting = false;
  let snapshotIndex = 0;
  let snapshotSize = 0;
  let bytesSinceSnapshot = 0;
  /** The servers' snapshots shall not all come at once. */
  const drawPatience = () => 0.5 + options.random() / 2;
  let patience = drawPatience();
  /** Snapshots being made, by the peer that gets them. */
  const sending = new Map<number, StateEncoder>();

  const fail = (reason: string) => {
    if (!stopped) options.onFailure(reason);
  };

  /** A defect ends this service, which is started again, instead of everything that shares its process. */
  const attempt = (work: () => void) => {
    try {
      work();
    } catch (error) {
      log.error('the replica failed', { error: error instanceof Error ? error.stack : messageOf(error) });
      fail(`unexpected failure of the replicated log: ${messageOf(error)}`);
    }
  };

  const storage: Storage = openStorage({
    logFolder: `${config.dataLogDir}/embedded-1`,
    snapshotFolder: `${config.dataDir}/embedded-1`,
    forceSync: config.forceSync,
    keepSnapshots: config.purge.keep,
    onSaved(save) {
      const { afterSave } = saves.shift()!;
      if (stopped) return;
      sendAll(afterSave);
      raft.saved(save, hostClock.now());
      schedule();
    },
    onFailure: (error) => fail(`the log can't be written: ${messageOf(error)}`),
  });
  const { recovered } = storage;
  for (const warning of recovered.warnings) log.warn(warning);
  if (recovered.snapshot) {
    machine.restore(decodeState(recovered.snapshot.data));
    snapshotIndex = recovered.snapshot.index;
    snapshotSize = recovered.snapshot.data.length;
  }
  let appliedIndex = snapshotIndex;

  const raft = createRaft({
    id: config.id,
    voters: config.peers.map((peer) => peer.id),
    log: recovered.log,
    term: recovered.term,
    votedFor: recovered.votedFor,
    commit: snapshotIndex,
    // A little less than a pulse, so that each pulse beats.
    heartbeatMs: config.tickTime * 0.4,
    electionMs: config.tickTime * config.syncLimit,
    quickElectionMs: [5, 25],
    random: options.random,
  });

  const hostClock = createHostClock(clock, config.tickTime / 2, (lateMs) => {
    if (lateMs > config.tickTime) log.info('this server could not run', { ms: Math.round(lateMs) });
    raft.tick(hostClock.now());
    schedule();
    links.pulse(config.tickTime * config.syncLimit);
    options.onPulse(lateMs);
  });

  const links: Links = createLinks({
    self,
    others,
    network,
    clock,
    now: () => hostClock.now(),
    log,
    cluster: () => options.identity.ensemble,
    onConnected(peer) {
      raft.connected(peer, hostClock.now());
      schedule();
    },
    onDisconnected(peer) {
      log.debug('lost a peer', { peer });
      raft.disconnected(peer, hostClock.now());
      // What was forwarded to it may be lost: the clients must learn that their requests have no certain answer.
      if (peer === following?.leader) following = undefined;
      schedule();
    },
    onMessage: (peer, message) => attempt(() => onMessage(peer, message)),
    onForeign(peer, reason) {
      if (foreigners.has(peer)) return;
      foreigners.add(peer);
      log.error('a peer belongs to another ensemble', { peer, reason });
      if (foreigners.size >= majority) fail(`${reason}; the data folder must be that of this ensemble, or empty`);
    },
  });

  function onMessage(peer: number, message: PeerMessage): void {
    if (message.kind === 'raft') {
      const m = message.message;
      raft.step(peer, m, hostClock.now());
      updateFollowing();
      // The leader's commit index covers everything acknowledged once it covers an entry of its own term. A heartbeat
      // tells no more of it than what this server was known to have.
      if (
        following?.leader === peer &&
        following.target === undefined &&
        (m.type === 'append' || (m.type === 'heartbeat' && m.sent > 0 && m.commit === m.sent))
      )
        if (m.term === following.term && recovered.log.termAt(m.commit) === m.term) following.target = m.commit;
      if (m.type === 'heartbeat' && following?.leader === peer) options.onLeaderBeat();
      schedule();
    } else if (message.kind === 'forward') {
      // What is in the log is applied by all, so nothing else may get in.
      if (raft.role !== 'leader' || !isCommand(message.command)) return;
      stampCommand(message.command, clock.now());
      raft.propose(message.command);
      schedule();
    } else if (message.kind === 'touch' && raft.role === 'leader') options.onTouched(message.sessions);
  }

  const sendAll = (envelopes: readonly Envelope[]) => {
    for (const { to, message } of envelopes) links.send(to, { kind: 'raft', message });
  };

  /** Does at the end of this event-loop turn what its inputs made necessary. */
  const schedule = () => {
    if (flushing || stopped) return;
    flushing = true;
    setImmediate(() => {
      flushing = false;
      if (!stopped) attempt(flush);
    });
  };

  const flush = () => {
    // First, so that what a new leader proposes goes with the entry that opens its term.
    updateRole();
    for (let output = raft.take(); output; output = raft.take()) {
      sendAll(output.send);
      if (output.save) {
        if (output.save.snapshot) installSnapshot(output.save.snapshot);
        saves.push({ afterSave: output.afterSave });
        storage.write(output.save);
      } else if (saves.length > 0) saves.at(-1)!.afterSave.push(...output.afterSave);
      else sendAll(output.afterSave);
      for (const peer of output.snapshotFor)
        sendSnapshot(peer).catch((error: unknown) => fail(`a snapshot can't be sent: ${messageOf(error)}`));
    }
    updateRole();
    applyCommitted();
    updateServing();
    hostClock.wakeAt(nextAlarm(), onAlarm);
  };

  /** A leader's heartbeats go with the pulse. */
  const nextAlarm = () => (leading ? Number.POSITIVE_INFINITY : raft.deadline);

  const onAlarm = () => {
    raft.tick(hostClock.now());
    schedule();
    hostClock.wakeAt(nextAlarm(), onAlarm);
  };

  const updateFollowing = () => {
    const { leader, term } = raft;
    if (following?.leader === leader && following?.term === term) return;
    const follows = raft.role === 'follower' && leader !== undefined && links.connected(leader);
    if (!follows && !following) return;
    following = follows ? { leader, term } : undefined;
    if (following) log.info('following', { leader, term });
    setServing(false);
  };

  const updateRole = () => {
    const leads = raft.role === 'leader';
    updateFollowing();
    if (leads !== leading) {
      leading = leads;
      log.info(leads ? 'leading' : 'not leading any more', { term: raft.term });
      options.onLeading(leads);
      if (leads && machine.state.ensemble === '') replica.propose({ kind: 'nameEnsemble', name: randomUUID() });
    }
    if (!leads && !following) setServing(false);
  };

  const applyCommitted = () => {
    const { applicable } = raft;
    if (recovered.log.firstIndex > appliedIndex + 1) return;
    while (appliedIndex < applicable) {
      const entry = recovered.log.entryAt(appliedIndex + 1);
      appliedIndex++;
      bytesSinceSnapshot += entry.data.length;
      const applied = machine.apply(entry.term, entry.data);
      options.onApplied(applied);
    }
    if (machine.state.ensemble !== '') options.identity.remember(machine.state.ensemble);
    if (
      !snapshotting &&
      appliedIndex > snapshotIndex &&
      (appliedIndex - snapshotIndex >= config.snapCount * patience ||
        bytesSinceSnapshot > Math.max(snapshotBytes, snapshotSize) * patience)
    )
      void takeSnapshot();
    shortenLog();
  };

  /** What was applied is not needed in memory; the log on disk goes when a snapshot is stored. */
  const shortenLog = () => {
    const entries = recovered.log;
    if (entries.bytes < 2 * trailingBytes) return;
    const waited = entries.bytes < backlogBytes ? raft.acknowledgedByAll : Number.POSITIVE_INFINITY;
    if (waited < entries.firstIndex + leastShortening) return;
    raft.compact(Math.min(entries.oldestWithin(appliedIndex, trailingBytes) - 1, waited));
  };

  const updateServing = () => {
    // An ensemble without a name has nothing yet; what clients write must be known as its own.
    if (serving || machine.state.ensemble === '') return;
    if (leading ? appliedIndex >= raft.termStart : following?.target !== undefined && appliedIndex >= following.target)
      setServing(true);
  };

  const setServing = (next: boolean) => {
    if (next === serving) return;
    serving = next;
    if (next && leading && machine.state.ensemble === '') replica.propose({ kind: 'nameEnsemble', name: randomUUID() });
    options.onServing(next);
  };

  const installSnapshot = (snapshot: { index: number; data: Buffer }) => {
    log.info('taking over a snapshot from the leader', { index: snapshot.index, bytes: snapshot.data.length });
    setServing(false);
    machine.restore(decodeState(snapshot.data));
    appliedIndex = snapshot.index;
    snapshotIndex = snapshot.index;
    snapshotSize = snapshot.data.length;
    bytesSinceSnapshot = 0;
  };

  const sendSnapshot = async (peer: number) => {
    const index = appliedIndex;
    const lastTerm = recovered.log.termAt(index);
    if (lastTerm === undefined) return;
    const state = createStateEncoder(machine.state);
    sending.set(peer, state);
    try {
      const pieces: Buffer[] = [];
      for (const piece of state) {
        pieces.push(piece);
        await immediate();
        // Asked for anew since, or no longer.
        if (stopped || !leading || sending.get(peer) !== state) return;
      }
      log.info('sending a snapshot', { peer, index });
      raft.provideSnapshot(peer, { index, lastTerm, data: Buffer.concat(pieces) });
      schedule();
    } finally {
      state.end();
      if (sending.get(peer) === state) sending.delete(peer);
    }
  };

  const takeSnapshot = async () => {
    const index = appliedIndex;
    const lastTerm = recovered.log.termAt(index);
    if (lastTerm === undefined) return;
    snapshotting = true;
    const state = createStateEncoder(machine.state);
    try {
      bytesSinceSnapshot = 0;
      patience = drawPatience();
      const bytes = await storage.saveSnapshot({ index, lastTerm, pieces: state });
      if (stopped || index < snapshotIndex) return;
      snapshotIndex = index;
      snapshotSize = bytes;
      log.debug('snapshot taken', { index, bytes });
    } catch (error) {
      fail(`a snapshot can't be written: ${messageOf(error)}`);
    } finally {
      state.end();
      snapshotting = false;
    }
  };

  const replica: Replica = {
    machine,
    raft,
    hostClock,
    get serving() {
      return serving;
    },
    get electing() {
      const reached = others.filter((peer) => links.connected(peer.id)).length;
      return !serving && (reached + 1 >= majority || hostClock.now() < startUpMs);
    },
    get logBytes() {
      return storage.logBytes;
    },
    listen: () => (others.length > 0 ? links.listen() : Promise.resolve()),
    start() {
      if (others.length > 0) links.start();
      raft.tick(hostClock.now());
      schedule();
    },
    submit(command) {
      if (leading) {
        stampCommand(command, clock.now());
        raft.propose(command);
        schedule();
        return true;
      }
      if (!following || !links.connected(following.leader)) return false;
      links.send(following.leader, { kind: 'forward', command });
      return true;
    },
    propose(command) {
      const encoded = encodeCommand(nobody, command);
      stampCommand(encoded, clock.now());
      raft.propose(encoded);
      schedule();
    },
    touch(sessions) {
      if (following) links.send(following.leader, { kind: 'touch', sessions });
    },
    async stop() {
      stopped = true;
      hostClock.stop();
      await links.close();
      await storage.close();
    },
  };
  return replica;
}
