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
const { main: run } = await import(main.href)
await run(process.argv)
