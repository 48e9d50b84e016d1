// Writes dist/workflow-bundle.js: run after tsc, so that a worker starts without webpack.
import { copyFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { bundle } from '../dist/workers/bundle.js'

const dist = new URL('../dist/', import.meta.url)
await copyFile(new URL('../workers/codec/failure-converter.cjs', import.meta.url), new URL('workers/codec/failure-converter.cjs', dist))
const code = await bundle(fileURLToPath(new URL('workflows/index.js', dist)))
await writeFile(new URL('workflow-bundle.js', dist), code)
console.log(`dist/workflow-bundle.js: ${Math.round(code.length / 1024)} KiB`)
