/** Who this master is and since when, as the answers repeat it. Times in seconds since 1970. */
export interface MasterFacts {
  startTime: number;
  /** Undefined while it doesn't lead. */
  electedTime: number | undefined;
  cluster: string | undefined;
  logDir: string | undefined;
  /** As /flags shows them. */
  flags: Readonly<Record<string, string>>;
}
