import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    globalSetup: ['devcluster/vitest/global-setup'],
    // What the cluster is to be like; leave it out for three nodes.
    provide: { devcluster: { nodes: 1 } },
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
