import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from '../../../workers/bundle.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** Another release of Isthmus in a folder of its own: the built one with the workflows of `changed.ts`. `bin` is its command. */
export async function deploy(): Promise<{ bin: string; remove(): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'isthmus-release-'))
  for (const part of ['bin', 'dist', 'package.json']) await cp(join(ROOT, part), join(dir, part), { recursive: true })
  await symlink(join(ROOT, 'node_modules'), join(dir, 'node_modules'))
  await writeFile(join(dir, 'dist', 'workflow-bundle.js'), await bundle(fileURLToPath(new URL('./changed.ts', import.meta.url))))
  return { bin: join(dir, 'bin', 'isthmus.js'), remove: () => rm(dir, { recursive: true, force: true }) }
}
