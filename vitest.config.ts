import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files that take a minute or more: begun first, so that none of them keeps one of two workers busy at the end. */
const SLOW = /\/test\/integration\/(chaos|sync|actions|deletes|backfill|examples|connect|refused|sign-in|drain|overlap|tokens)\.test\.ts$/

class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return [...sorted.filter((f) => SLOW.test(f.moduleId)), ...sorted.filter((f) => !SLOW.test(f.moduleId))]
  }
}

export default defineConfig({
  test: {
    reporters: process.env['ISTHMUS_TEST_REPORT'] ? ['default', ['json', { outputFile: process.env['ISTHMUS_TEST_REPORT'] }]] : ['default'],
    // Real servers on two cores: more workers only make each other late.
    maxWorkers: 2,
    sequence: { sequencer: SlowFirst },
    // Real servers, real time, and a machine that may be busy with other things: what fails by itself fails twice.
    retry: process.env['CI'] ? 1 : 0,
    // Generous: a busy machine is no failure.
    testTimeout: 240_000,
    hookTimeout: 180_000,
    exclude: ['node_modules/**', 'dist/**', '.isthmus/**'],
    // One pool: files that wait and files that compute share the cores.
    projects: [
      { extends: true, test: { name: 'unit', include: ['{model,store,stage,protocols,connectors,destinations,project,activities,watch,workflows,workers,client,simulator,conformance,scripts}/**/*.test.ts'] } },
      { extends: true, test: { name: 'integration', include: ['test/**/*.test.ts'] } },
    ],
  },
})
