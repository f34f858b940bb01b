import { versions } from '../versions.ts';

/** What /version of masters and agents answers: the release whose version they speak for. */
export const versionInfo = {
  build_date: '2020-11-24 00:00:00',
  build_time: 1606176000,
  build_user: 'devcluster',
  version: versions.mesos,
} as const;
