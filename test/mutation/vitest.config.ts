import { defineConfig } from 'vitest/config'

/** The unit tests of what is mutated, and nothing that starts a database. */
export default defineConfig({
  test: { include: ['functions/body.test.ts', 'shared/domain/*.test.ts'], testTimeout: 60_000 },
})
