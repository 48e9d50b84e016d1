// Writes dist/workflow-bundle.js and dist/workflow-bundle-traced.js: run after tsc, so that a worker starts without webpack.
import { copyFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { bundle, BUNDLES } from '../dist/workers/bundle.js'

const dist = new URL('../dist/', import.meta.url)
await copyFile(new URL('../workers/codec/failure-converter.cjs', import.meta.url), new URL('workers/codec/failure-converter.cjs', dist))
for (const [kind, file] of Object.entries(BUNDLES)) {
  const code = await bundle(fileURLToPath(new URL('workflows/index.js', dist)), kind)
  await writeFile(new URL(file, dist), code)
  console.log(`dist/${file}: ${Math.round(code.length / 1024)} KiB`)
}
