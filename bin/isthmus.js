#!/usr/bin/env node
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`isthmus needs Node 20.19 or newer; this is ${process.versions.node}. Cure: install Node 20, 22 or 24.`)
  process.exit(2)
}
const main = new URL('../dist/client/cli/main.js', import.meta.url)
if (!existsSync(fileURLToPath(main))) {
  console.error('isthmus is not built here. Cure: run `npm run build` in ' + fileURLToPath(new URL('..', import.meta.url)))
  process.exit(2)
}
// Loading takes a moment; Ctrl-C in it ends `run` like one a second later.
const early = () => {
  if (process.argv.includes('--json')) console.log(JSON.stringify({ outcome: 'cancelled', run: null }))
  process.exit(130)
}
const signals = process.argv.includes('run') ? ['SIGINT', 'SIGTERM'] : []
for (const name of signals) process.on(name, early)
const { main: run } = await import(main.href)
// A signal that came while modules were loading is delivered with the loop's next turn.
for (let turn = 0; turn < 2 && signals.length > 0; turn++) await new Promise((resolve) => setImmediate(resolve))
for (const name of signals) process.off(name, early)
await run(process.argv)
