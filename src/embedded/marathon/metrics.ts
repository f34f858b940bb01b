/** Marathon's metrics, by their names without the prefix. */
export interface Metrics {
  count(name: string, by?: number): void;
  /** The value is asked for when metrics are read. */
  gauge(name: string, value: () => number): void;
  /** A counter that somebody else keeps. */
  total(name: string, value: () => number): void;
  /** GET /metrics */
  json(): Record<string, unknown>;
  /** GET /metrics/prometheus */
  prometheus(): string;
}

export function createMetrics(prefix: string): Metrics {
  const counters = new Map<string, number>();
  const totals = new Map<string, () => number>();
  const gauges = new Map<string, () => number>();
  const counted = () => sorted(new Map([...counters, ...[...totals].map(([name, value]) => [name, value()] as const)]));
  const full = (name: string) => `${prefix}.${name}`;
  const sorted = <T>(map: Map<string, T>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    count(name, by = 1) {
      counters.set(name, (counters.get(name) ?? 0) + by);
    },
    gauge: (name, value) => void gauges.set(name, value),
    total: (name, value) => void totals.set(name, value),
    json: () => ({
      version: '4.0.0',
      counters: Object.fromEntries(counted().map(([name, count]) => [full(name), { count }])),
      gauges: Object.fromEntries(sorted(gauges).map(([name, value]) => [full(name), { value: value() }])),
      histograms: {},
      meters: {},
      timers: {},
    }),
    prometheus() {
      const lines: string[] = [];
      const add = (name: string, kind: string, value: number) => {
        const safe = full(name).replace(/[.-]/g, '_');
        lines.push(`# TYPE ${safe} ${kind}`, `${safe} ${value}`);
      };
      for (const [name, count] of counted()) add(name, 'counter', count);
      for (const [name, value] of sorted(gauges)) add(name, 'gauge', value());
      return `${lines.join('\n')}\n`;
    },
  };
}
