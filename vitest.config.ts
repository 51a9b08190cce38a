import { defineConfig } from 'vitest/config'

/** Two kinds of test: `*.test.ts` beside the code it pins, and `test/*.spec.ts` through the front door. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{shared,functions,sdk,local,tools}/**/*.test.ts'],
        },
      },
      {
        test: {
          name: 'spec',
          include: ['test/**/*.spec.ts'],
          globalSetup: ['test/setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
