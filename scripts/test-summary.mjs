// Prints `N passed, N failed[, N skipped]` from Vitest's JSON report, and exits as the tests did.
import { readFileSync } from 'node:fs'

const [file, code] = process.argv.slice(2)
let counts = null
try {
  const report = JSON.parse(readFileSync(file, 'utf8'))
  counts = { passed: report.numPassedTests, failed: report.numFailedTests + (report.numFailedTestSuites > 0 && report.numFailedTests === 0 ? 1 : 0), skipped: report.numPendingTests }
} catch {
  // Nothing was run: type check, lint or build failed before the tests.
}
const failed = counts === null ? 1 : Math.max(counts.failed, code === '0' ? 0 : 1)
console.log(`${counts?.passed ?? 0} passed, ${failed} failed${counts?.skipped ? `, ${counts.skipped} skipped` : ''}`)
process.exit(Number(code) || (failed > 0 ? 1 : 0))
