/** One message of a pull, as engines stream them. */
export interface PullMessage {
  status?: string;
  /** Of a layer, or the tag. */
  id?: string;
  progressDetail?: { current?: number; total?: number };
  error?: string;
  errorDetail?: { message?: string; code?: number };
}

export interface PullState {
  layers: number;
  done: number;
  /** Why nothing comes at the moment: `Retrying in 5 seconds`. */
  waiting: string | undefined;
  /** Bytes of the layers whose size is known. */
  received: number;
  total: number;
}

/** Follows a pull by its messages. */
export interface LayerCount {
  /** @returns what has changed for people, or undefined */
  add(message: PullMessage): PullState | undefined;
  readonly state: PullState;
  /** Whether what was received is being unpacked, so that nothing need come. */
  readonly unpacking: boolean;
}

export function countLayers(): LayerCount {
  const layers = new Map<string, { done: boolean; received: number; total: number; status: string }>();
  const state = (): PullState => {
    const all = [...layers.values()];
    return {
      layers: all.length,
      done: all.filter(({ done }) => done).length,
      waiting: all.find(({ status }) => /^Retrying in/.test(status))?.status,
      received: all.reduce((sum, { received }) => sum + received, 0),
      total: all.reduce((sum, { total }) => sum + total, 0),
    };
  };
  return {
    get state() {
      return state();
    },
    get unpacking() {
      const all = [...layers.values()].map(({ status }) => status);
      return (
        all.some((status) => /^(Extracting|Verifying Checksum)/.test(status)) ||
        (all.length > 0 && all.every((status) => /^(Download|Pull) complete$|^Already exists$/.test(status)))
      );
    },
    add({ status = '', id, progressDetail }) {
      if (id === undefined || !/^[0-9a-f]{6,64}$/.test(id)) return undefined;
      const layer = layers.get(id) ?? { done: false, received: 0, total: 0, status };
      layer.status = status;
      layers.set(id, layer);
      const { current = 0, total = 0 } = progressDetail ?? {};
      if (status === 'Downloading') {
        layer.received = current;
        layer.total = Math.max(total, layer.total);
      } else if (/^(Download|Pull) complete$|^Already exists$/.test(status)) {
        layer.received = layer.total;
        layer.done = status !== 'Download complete';
      }
      return state();
    },
  };
}

/** `3 of 7 layers, 12.3 of 80.1 MB`. */
export function describe({ layers, done, received, total, waiting }: PullState): string {
  const size = total > 0 ? `, ${megabytes(received)} of ${megabytes(total)} MB` : '';
  return layers === 0
    ? 'asking the registry'
    : `${done} of ${layers} layers${size}${waiting ? `, ${waiting.toLowerCase()}` : ''}`;
}

export function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
