import { versions } from '../../../protocols/versions.ts';

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

/** What /version answers. The build is the release of the version that this server speaks for. */
export const versionInfo = {
  build_date: '2020-11-24 00:00:00',
  build_time: 1606176000,
  build_user: 'devcluster',
  version: versions.mesos,
} as const;
