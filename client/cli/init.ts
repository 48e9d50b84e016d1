import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { IsthmusError } from '../../model/errors.ts'
import { action } from './action.ts'
import { EXIT } from './output.ts'

const SYNC = `import { apiKey, cursor, defineSync, env, fields, postgres, rest, t, z } from 'isthmus'

export default defineSync({
  from: rest({ baseUrl: env('EXAMPLE_URL'), auth: apiKey({ key: env('EXAMPLE_KEY') }) }).stream('transactions', {
    path: '/cursor/transactions', records: 'result.records', key: 'id',
    page: cursor({ send: 'after', next: 'meta.next_cursor', size: 500, sizeParam: 'limit' }),
  }),
  to: postgres.table('transactions'),
  model: z.object({ id: z.string(), amount: t.decimal(), currency: z.string() }),
  map: fields({ id: 'id', amount: 'amount', currency: 'currency' }),
})
`

const FILES: Record<string, string> = {
  'syncs/example.ts': SYNC,
  '.env': '# Read by isthmus; what is set in the shell wins. Keep this file out of version control.\nEXAMPLE_URL=http://127.0.0.1:4010\nEXAMPLE_KEY=sim-api-key\n',
  '.gitignore': 'node_modules/\n.isthmus/\n.env\n',
  'tsconfig.json': `${JSON.stringify({ compilerOptions: { target: 'ES2022', module: 'NodeNext', moduleResolution: 'NodeNext', strict: true, noEmit: true, allowImportingTsExtensions: true, skipLibCheck: true }, include: ['syncs', 'connectors'] }, null, 2)}\n`,
}

/** `isthmus init [folder]`: a new project with an example that reads the built-in simulator. */
export function initCommand(): Command {
  return new Command('init')
    .description('make a new project in an empty folder')
    .argument('[folder]', 'the folder; made when it does not exist', '.')
    .option('--json', 'one JSON line with the files written')
    .action(
      action(async (output, folder: string, options: { json?: boolean }) => {
        const root = resolve(folder)
        const files = { 'package.json': await packageJson(root), ...FILES }
        await mkdir(root, { recursive: true })
        const there = new Set((await readdir(root)).filter((f) => f !== '.git'))
        const clash = Object.keys(files).find((f) => there.has(f.split('/')[0]!) && existsSync(join(root, f)))
        if (clash) throw new IsthmusError('InvalidInput', `${clash} exists here already`, { file: root, cure: 'use an empty folder: isthmus init <folder>' })
        for (const [file, text] of Object.entries(files)) {
          await mkdir(dirname(join(root, file)), { recursive: true })
          await writeFile(join(root, file), text, { flag: 'wx', mode: file === '.env' ? 0o600 : 0o644 })
        }
        if (options.json) output.json({ folder: root, files: Object.keys(files) })
        else {
          const go = relative(process.cwd(), root)
          output.out(`made ${Object.keys(files).join(', ')}`)
          output.out(`next:\n${go ? `  cd ${go}\n` : ''}  npm install                   # types for your editor\n  npx isthmus simulate --port 4010 --auth api-key   # an API to read, in another terminal\n  npx isthmus run example`)
        }
        return EXIT.ok
      }),
    )
}

/** From a clone the project depends on the clone's folder, from an installed package on its version. */
async function packageJson(root: string): Promise<string> {
  const own = ownRoot()
  const { version } = JSON.parse(await readFile(join(own, 'package.json'), 'utf8')) as { version: string }
  const installed = own.includes(`${join('node_modules', 'isthmus')}`)
  const name = basename(root).toLowerCase().replace(/[^a-z0-9-]+/g, '-').replace(/^-+|-+$/g, '') || 'syncs'
  return `${JSON.stringify({ name: name === 'isthmus' ? 'my-syncs' : name, private: true, type: 'module', scripts: { dev: 'isthmus dev', check: 'tsc' }, dependencies: { isthmus: installed ? `^${version}` : `file:${own}` }, devDependencies: { typescript: '^5.9.0' } }, null, 2)}\n`
}

function ownRoot(): string {
  let dir = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(dir, 'package.json'))) dir = dirname(dir)
  return dir
}
