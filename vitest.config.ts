import { join } from 'node:path'
import { defineConfig, type ViteUserConfig } from 'vitest/config'

/** Beside the code as well, but of the whole program or of another: they start processes, and kill them. */
const STARTS_PROCESSES = 'src/**/*.process.test.ts'

const config: ViteUserConfig = defineConfig({
  test: {
    // Starting our program over and over takes half the time where Node.js keeps what it has compiled.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/node') },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'test/*.test.ts'],
          exclude: [STARTS_PROCESSES],
          // No test changes what another could see, and loading all modules for each file takes a third of the time.
          isolate: false,
          maxWorkers: '100%',
        },
      },
      {
        extends: true,
        test: {
          name: 'process',
          include: [STARTS_PROCESSES],
          testTimeout: 30_000,
          maxWorkers: '100%',
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: 'test/e2e/_install-peers.ts',
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
        },
      },
    ],
  },
})

export default config
