/**
 * Raft (D. Ongaro, J. Ousterhout: "In Search of an Understandable Consensus Algorithm", 2014; pre-vote and
 * check-quorum from Ongaro's dissertation, 2014) as a state machine without clock, disk or network: inputs change it,
 * `take` gives what has to be saved and sent. Elections are quick where nobody can lead (at the first start, after the
 * connection to the leader ended) and patient where a leader may only be slow.
 */
import type { Envelope, RaftMessage } from './messages.ts';
import { acknowledged, createProgress, type Progress, probeAgain, refused } from './progress.ts';
import type { Raft, RaftOptions, Role, Save } from './types.ts';

/** After so many heartbeats without an acknowledgement of what arrived, the acknowledgement is taken for lost. */
const patienceBeats = 8;
/** Messages with entries that may wait for an acknowledgement, per follower; entries and bytes in one message. */
const maxInFlight = 64;
const maxEntries = 2048;
const maxBytes = 1 << 18;

export function createRaft(options: RaftOptions): Raft {
  const { id, log, random } = options;
  const others = options.voters.filter((voter) => voter !== id);
  const majority = Math.floor(options.voters.length / 2) + 1;

  let role: Role = 'follower';
  let term = options.term;
  let votedFor = options.votedFor;
  let leader: number | undefined;
  let commit = options.commit;
  let savedIndex = log.lastIndex;
  let termStart = 0;
  /** Elections tried since a leader was last known. */
  let attempts = 0;
  let electionDeadline = others.length === 0 ? 0 : Number.POSITIVE_INFINITY;
  let heartbeatDeadline = Number.POSITIVE_INFINITY;
  let leaderHeard = 0;
  const links = new Set<number>();
  const votes = new Set<number>();
  const refusals = new Set<number>();
  /** Whom this server encouraged to stand last, and until when it encourages nobody else. */
  let favourite: { candidate: number; until: number } | undefined;
  const followers = new Map<number, Progress>();

  let stateDirty = false;
  let dirtyFrom = log.lastIndex + 1;
  let snapshotToSave: Save['snapshot'];
  let send: Envelope[] = [];
  let afterSave: Envelope[] = [];
  let snapshotFor: number[] = [];

  const between = (least: number, most: number) => least + random() * (most - least);
  const reachable = () => links.size + 1 >= majority;
  const patient = (now: number) => now + between(options.electionMs, 1.2 * options.electionMs);
  const quick = (now: number) => {
    const factor = 2 ** Math.min(attempts, 10);
    const [least, most] = options.quickElectionMs;
    return now + Math.min(between(least, most) * factor, between(options.electionMs, 2 * options.electionMs));
  };
  /** A leader is there as far as this server can tell. */
  const led = (now: number) =>
    role === 'leader' || (leader !== undefined && links.has(leader) && now - leaderHeard < options.electionMs);

  const become = (nextRole: Role) => {
    role = nextRole;
    votes.clear();
    refusals.clear();
    if (nextRole !== 'leader') {
      followers.clear();
      heartbeatDeadline = Number.POSITIVE_INFINITY;
    }
  };

  const enterTerm = (next: number) => {
    if (next === term) return;
    term = next;
    votedFor = undefined;
    stateDirty = true;
  };

  const loseLeader = (now: number) => {
    leader = undefined;
    electionDeadline = reachable() ? quick(now) : Number.POSITIVE_INFINITY;
  };

  const followNobody = (next: number, now: number) => {
    enterTerm(next);
    become('follower');
    loseLeader(now);
  };

  const follow = (from: number, messageTerm: number, now: number) => {
    enterTerm(messageTerm);
    if (role !== 'follower') become('follower');
    leader = from;
    leaderHeard = now;
    attempts = 0;
    electionDeadline = patient(now);
  };

  const upToDate = (lastIndex: number, lastTerm: number) =>
    lastTerm > log.lastTerm || (lastTerm === log.lastTerm && lastIndex >= log.lastIndex);

  const startPreVote = (now: number) => {
    become('preCandidate');
    leader = undefined;
    electionDeadline = quick(now) + options.quickElectionMs[1];
    attempts++;
    votes.add(id);
    if (votes.size >= majority) return startVote(now);
    for (const peer of others)
      send.push({
        to: peer,
        message: { type: 'preVote', term: term + 1, lastIndex: log.lastIndex, lastTerm: log.lastTerm },
      });
  };

  const startVote = (now: number) => {
    enterTerm(term + 1);
    become('candidate');
    votedFor = id;
    stateDirty = true;
    // A vote costs every voter a write to its disk: more time than a pre-vote needs.
    electionDeadline = quick(now) + 4 * options.quickElectionMs[1];
    for (const peer of others)
      afterSave.push({
        to: peer,
        message: { type: 'vote', term, lastIndex: log.lastIndex, lastTerm: log.lastTerm },
      });
  };

  const becomeLeader = (now: number) => {
    become('leader');
    leader = id;
    attempts = 0;
    electionDeadline = Number.POSITIVE_INFINITY;
    heartbeatDeadline = now + options.heartbeatMs;
    for (const peer of others) followers.set(peer, createProgress(log.lastIndex, now, links.has(peer)));
    termStart = log.lastIndex + 1;
    log.append({ term, data: Buffer.alloc(0) });
  };

  const lostQuorum = (now: number) => {
    let active = 1;
    for (const follower of followers.values()) {
      const silent = now - follower.heard > options.electionMs;
      const cutOff = follower.disconnectedAt !== undefined && now - follower.disconnectedAt > options.heartbeatMs;
      if (!silent && !cutOff) active++;
    }
    return active < majority;
  };

  const advanceCommit = () => {
    if (role !== 'leader') return;
    const matches = [Math.min(savedIndex, log.lastIndex)];
    for (const follower of followers.values()) matches.push(follower.match);
    matches.sort((a, b) => b - a);
    const candidate = matches[majority - 1]!;
    // Only an entry of its own term is committed by counting; what is before it is committed with it.
    if (candidate > commit && log.termAt(candidate) === term) commit = candidate;
  };

  const onAppend = (from: number, m: RaftMessage & { type: 'append' }, now: number) => {
    follow(from, m.term, now);
    const last = m.prevIndex + m.entries.length;
    if (m.prevIndex > log.lastIndex) return reject(from, m.prevIndex, log.lastIndex);
    // What is committed here equals the leader's log, whatever of it is still in memory.
    if (m.prevIndex > commit && log.termAt(m.prevIndex) !== m.prevTerm) {
      const conflicting = log.termAt(m.prevIndex);
      let hint = m.prevIndex - 1;
      while (hint > commit && log.termAt(hint) === conflicting) hint--;
      return reject(from, m.prevIndex, hint);
    }
    for (let i = Math.max(0, commit - m.prevIndex); i < m.entries.length; i++) {
      const entry = m.entries[i]!;
      const index = m.prevIndex + 1 + i;
      if (log.termAt(index) === entry.term) continue;
      if (index <= log.lastIndex) {
        log.truncateAfter(index - 1);
        savedIndex = Math.min(savedIndex, index - 1);
      }
      dirtyFrom = Math.min(dirtyFrom, index);
      log.append(entry);
    }
    commit = Math.max(commit, Math.min(m.commit, last));
    acknowledge(from, Math.max(last, commit));
  };

  const reject = (to: number, rejected: number, hint: number) => {
    send.push({ to, message: { type: 'appendReply', term, ok: false, rejected, hint } });
  };

  const acknowledge = (to: number, match: number) => {
    const waiting = afterSave.at(-1);
    if (waiting?.to === to && waiting.message.type === 'appendReply' && waiting.message.term === term) afterSave.pop();
    afterSave.push({ to, message: { type: 'appendReply', term, ok: true, match } });
  };

  const onSnapshot = (from: number, m: RaftMessage & { type: 'snapshot' }, now: number) => {
    follow(from, m.term, now);
    if (m.index <= commit) return acknowledge(from, commit);
    if (log.termAt(m.index) === m.lastTerm) {
      // The log holds all of it; what follows may have been acknowledged and must stay.
      commit = m.index;
      return acknowledge(from, m.index);
    }
    log.reset(m.index, m.lastTerm);
    commit = m.index;
    savedIndex = 0;
    dirtyFrom = m.index + 1;
    snapshotToSave = { index: m.index, lastTerm: m.lastTerm, data: m.data };
    acknowledge(from, m.index);
  };

  const onVote = (from: number, m: RaftMessage & { type: 'vote' }, now: number) => {
    if (m.term > term) followNobody(m.term, now);
    const granted =
      m.term === term && (votedFor === undefined || votedFor === from) && upToDate(m.lastIndex, m.lastTerm);
    if (granted) {
      if (votedFor === undefined) {
        votedFor = from;
        stateDirty = true;
      }
      if (role === 'preCandidate') become('follower');
      attempts++;
      electionDeadline = quick(now) + 4 * options.quickElectionMs[1];
    }
    afterSave.push({ to: from, message: { type: 'voteReply', term, granted } });
  };

  const onPreVote = (from: number, m: RaftMessage & { type: 'preVote' }, now: number) => {
    // Servers that start or lose their leader together would all stand at once: one is encouraged at a time, and of
    // two that stand the one with the lower id.
    const favours = favourite === undefined || favourite.candidate === from || favourite.until <= now;
    const prior = role === 'preCandidate' && id < from && m.lastIndex === log.lastIndex && m.lastTerm === log.lastTerm;
    const granted = m.term > term && !led(now) && upToDate(m.lastIndex, m.lastTerm) && favours && !prior;
    if (granted) {
      favourite = { candidate: from, until: now + options.quickElectionMs[1] };
      if (role === 'preCandidate') become('follower');
      electionDeadline = Math.max(electionDeadline, quick(now) + options.quickElectionMs[1]);
    }
    send.push({ to: from, message: { type: 'preVoteReply', term: granted ? m.term : term, granted } });
  };

  const step = (from: number, m: RaftMessage, now: number) => {
    if (!others.includes(from)) return;
    const follower = followers.get(from);
    if (follower) follower.heard = now;
    switch (m.type) {
      case 'preVote':
        return onPreVote(from, m, now);
      case 'preVoteReply':
        if (!m.granted) {
          if (m.term > term) followNobody(m.term, now);
        } else if (role === 'preCandidate' && m.term === term + 1) {
          votes.add(from);
          if (votes.size >= majority) startVote(now);
        }
        return;
      case 'vote':
        return onVote(from, m, now);
      case 'voteReply':
        if (m.term > term) followNobody(m.term, now);
        else if (role === 'candidate' && m.term === term) {
          (m.granted ? votes : refusals).add(from);
          if (votes.size >= majority) becomeLeader(now);
          else if (options.voters.length - refusals.size < majority) followNobody(term, now);
        }
        return;
      case 'append':
        return m.term < term ? reject(from, m.prevIndex, log.lastIndex) : onAppend(from, m, now);
      case 'snapshot':
        return m.term < term ? reject(from, m.index, log.lastIndex) : onSnapshot(from, m, now);
      case 'heartbeat':
        if (m.term < term) return reject(from, 0, log.lastIndex);
        follow(from, m.term, now);
        commit = Math.max(commit, Math.min(m.commit, log.lastIndex));
        send.push({ to: from, message: { type: 'heartbeatReply', term, sent: m.sent, last: log.lastIndex } });
        return;
      case 'resign':
        if (m.term === term && leader === from) loseLeader(now);
        return;
      case 'appendReply':
        if (m.term > term) return followNobody(m.term, now);
        if (!follower || m.term < term) return;
        if (m.ok) {
          acknowledged(follower, m.match);
          advanceCommit();
        } else refused(follower, m.rejected, m.hint);
        return;
      case 'heartbeatReply':
        if (m.term > term) return followNobody(m.term, now);
        if (!follower || m.term < term) return;
        if (m.last < m.sent) probeAgain(follower);
        else if (follower.mode === 'probe') follower.probing = false;
        else if (follower.match < m.sent && ++follower.waits >= patienceBeats)
          probeAgain(follower, follower.mode === 'snapshot' ? follower.snapshotIndex + 1 : undefined);
        return;
    }
  };

  /** The messages that bring a follower on. */
  const replicate = (peer: number, follower: Progress) => {
    if (!links.has(peer)) return;
    for (;;) {
      if (follower.mode === 'snapshot') return;
      const prevIndex = follower.next - 1;
      const prevTerm = log.termAt(prevIndex);
      if (prevTerm === undefined) {
        follower.mode = 'snapshot';
        follower.snapshotIndex = 0;
        snapshotFor.push(peer);
        return;
      }
      const more = prevIndex < log.lastIndex;
      if (follower.mode === 'probe') {
        if (follower.probing) return;
        follower.probing = true;
      } else if (more ? follower.inFlight.length >= maxInFlight : follower.commitTold >= commit) return;
      const entries = more ? log.slice(follower.next, maxEntries, maxBytes) : [];
      send.push({ to: peer, message: { type: 'append', term, prevIndex, prevTerm, commit, entries } });
      follower.commitTold = Math.min(commit, prevIndex + entries.length);
      if (follower.mode === 'probe') return;
      follower.next += entries.length;
      if (entries.length > 0) follower.inFlight.push(follower.next - 1);
      if (follower.next > log.lastIndex) return;
    }
  };

  return {
    get role() {
      return role;
    },
    get term() {
      return term;
    },
    get leader() {
      return leader;
    },
    get commit() {
      return commit;
    },
    get applicable() {
      return Math.min(commit, savedIndex);
    },
    get termStart() {
      return termStart;
    },
    get deadline() {
      return role === 'leader' ? heartbeatDeadline : electionDeadline;
    },
    get syncedFollowers() {
      let synced = 0;
      for (const follower of followers.values())
        if (follower.disconnectedAt === undefined && follower.mode === 'replicate') synced++;
      return synced;
    },
    get acknowledgedByAll() {
      let index = Number.POSITIVE_INFINITY;
      for (const follower of followers.values())
        if (follower.disconnectedAt === undefined) index = Math.min(index, follower.match);
      return index;
    },
    step,
    tick(now) {
      if (role !== 'leader') {
        if (now < electionDeadline) return;
        if (reachable()) startPreVote(now);
        else {
          become('follower');
          loseLeader(now);
        }
        return;
      }
      if (now < heartbeatDeadline) return;
      heartbeatDeadline = now + options.heartbeatMs;
      if (lostQuorum(now)) {
        for (const peer of links) send.push({ to: peer, message: { type: 'resign', term } });
        return followNobody(term, now);
      }
      for (const [peer, follower] of followers) {
        if (!links.has(peer)) continue;
        const sent =
          follower.mode === 'replicate' ? follower.next - 1 : follower.mode === 'snapshot' ? follower.snapshotIndex : 0;
        send.push({
          to: peer,
          message: { type: 'heartbeat', term, commit: Math.min(commit, follower.match), sent },
        });
      }
    },
    propose(data) {
      if (role !== 'leader') return undefined;
      log.append({ term, data });
      return log.lastIndex;
    },
    connected(peer, now) {
      if (!others.includes(peer)) return;
      const couldElect = reachable();
      links.add(peer);
      const follower = followers.get(peer);
      if (follower) {
        follower.disconnectedAt = undefined;
        follower.heard = now;
        probeAgain(follower);
      } else if (!couldElect && reachable() && electionDeadline === Number.POSITIVE_INFINITY) {
        attempts = 0;
        electionDeadline = quick(now);
      }
    },
    disconnected(peer, now) {
      if (!links.delete(peer)) return;
      const follower = followers.get(peer);
      if (follower) {
        follower.disconnectedAt = now;
        probeAgain(follower);
      } else if (peer === leader) {
        attempts = 0;
        electionDeadline = Math.min(electionDeadline, quick(now));
      }
    },
    saved(save, now) {
      // The saved entries may have been replaced in memory meanwhile; then a later save has their places.
      if (log.termAt(save.lastIndex) === save.lastTerm) savedIndex = Math.max(savedIndex, save.lastIndex);
      if (save.term !== term) return;
      if (role === 'candidate') {
        votes.add(id);
        if (votes.size >= majority) becomeLeader(now);
      }
      advanceCommit();
    },
    provideSnapshot(peer, snapshot) {
      const follower = followers.get(peer);
      if (follower?.mode !== 'snapshot' || !links.has(peer)) return;
      follower.snapshotIndex = snapshot.index;
      send.push({ to: peer, message: { type: 'snapshot', term, ...snapshot } });
    },
    compact(index) {
      log.compact(Math.min(index, commit, savedIndex));
    },
    take() {
      if (role === 'leader') {
        for (const [peer, follower] of followers) replicate(peer, follower);
      }
      let save: Save | undefined;
      const fresh = log.lastIndex >= dirtyFrom;
      if (stateDirty || fresh || snapshotToSave) {
        save = {
          state: stateDirty ? { term, votedFor } : undefined,
          snapshot: snapshotToSave,
          entries: fresh
            ? { from: dirtyFrom, list: log.slice(dirtyFrom, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY) }
            : undefined,
          lastIndex: log.lastIndex,
          lastTerm: log.lastTerm,
          term,
        };
        stateDirty = false;
        snapshotToSave = undefined;
        dirtyFrom = log.lastIndex + 1;
      }
      if (!save && send.length === 0 && afterSave.length === 0 && snapshotFor.length === 0) return undefined;
      const output = { save, send, afterSave, snapshotFor };
      send = [];
      afterSave = [];
      snapshotFor = [];
      return output;
    },
  };
}
