import { defineConfig } from 'vitest/config';

/** Unit tests need nothing but the sources; the other projects run what `npm run build` made. */
export default defineConfig({
  test: {
    // Continuous integration reads the counts from a file.
    ...(process.env.DEVCLUSTER_TEST_REPORT
      ? { reporters: ['default', 'json'], outputFile: { json: process.env.DEVCLUSTER_TEST_REPORT } }
      : {}),
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 20_000 } },
      {
        test: {
          name: 'conformance',
          include: ['test/conformance/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          expect: { poll: { timeout: 20_000 } },
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Each of these files runs whole clusters; the machine's cores are the limit, not vitest's.
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'docker',
          include: ['test/docker/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
