/**
 * Numbers in [0, 1) that are the same for the same seed (mulberry32 over an FNV-1a hash of the seed), so that a run
 * can be repeated; not fit for secrets.
 */
export function seededRandom(seed: string): () => number {
  let state = 0x811c9dc5;
  for (const byte of Buffer.from(seed)) state = Math.imul(state ^ byte, 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * Numbers from a sequence of their own, for choices of which nobody knows how many there will be, such as those of
 * reconnecting; `random` is drawn from only once.
 */
export function forkRandom(random: () => number): () => number {
  return seededRandom(String(random()));
}

/** A random UUID (version 4) drawn from `random`, so that a seed fixes it; not fit for secrets. */
export function uuidFrom(random: () => number): string {
  const hex = (bits: number) =>
    Math.floor(random() * 2 ** bits)
      .toString(16)
      .padStart(bits / 4, '0');
  const variant = (8 + Math.floor(random() * 4)).toString(16);
  return `${hex(32)}-${hex(16)}-4${hex(12)}-${variant}${hex(12)}-${hex(24)}${hex(24)}`;
}
