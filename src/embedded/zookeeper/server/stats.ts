/** What `srvr`, `stat` and `mntr` count. */
export interface ServerStats {
  readonly counters: { received: number; sent: number };
  latency(ms: number): void;
  readonly minLatency: number;
  readonly maxLatency: number;
  readonly averageLatency: number;
  reset(): void;
}

export function createServerStats(): ServerStats {
  const counters = { received: 0, sent: 0 };
  let count = 0;
  let sum = 0;
  let min = 0;
  let max = 0;
  return {
    counters,
    latency(ms) {
      min = count === 0 ? ms : Math.min(min, ms);
      max = Math.max(max, ms);
      sum += ms;
      count++;
    },
    get minLatency() {
      return Math.round(min);
    },
    get maxLatency() {
      return Math.round(max);
    },
    get averageLatency() {
      return count === 0 ? 0 : sum / count;
    },
    reset() {
      counters.received = 0;
      counters.sent = 0;
      count = sum = min = max = 0;
    },
  };
}
