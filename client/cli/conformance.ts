import { randomBytes } from 'node:crypto'
import { Command } from 'commander'
import pg from 'pg'
import { ACTING, CASES, HOOKS, misbehaviours, openSuiteStore, runSuite, subjectsOf, type CaseResult, type Subjects } from '../../conformance/index.ts'
import { IsthmusError } from '../../model/errors.ts'
import { action, projectOption } from './action.ts'
import { EXIT, plain, table, type Output } from './output.ts'
import { ensureDatabase } from './stack.ts'

interface Options {
  list?: boolean
  verbose?: boolean
  json?: boolean
  project: string
}

/** `isthmus conformance [names...]`: runs the suite over protocols, connectors and syncs. */
export function conformanceCommand(): Command {
  return new Command('conformance')
    .description('what an API may do and what must come of it: runs every case over protocols, connectors and syncs')
    .argument('[names...]', 'subjects, connectors (your own too), families such as `rest`, or syncs; default: all but syncs')
    .option('--list', 'name the subjects and cases; runs nothing')
    .option('--verbose', 'show what passed and what was skipped too')
    .option('--json', 'one JSON line a result, and one with the counts')
    .addOption(projectOption())
    .addHelpText('after', '\nThe server of a connector or sync is a double made from its own description: it shows that the engine reads such an API without loss, not that the vendor\'s API is like that.')
    .action(
      action(async (output, names: string[], options: Options) => {
        const subjects = await subjectsOf(options.project, names)
        if (options.list) return list(output, subjects, options.json === true)
        const database = await ledger(options.project, output)
        try {
          return await run(output, subjects, database.url, options)
        } finally {
          await database.close()
        }
      }),
    )
}

function list(output: Output, { streams, actions, hooks }: Subjects, json: boolean): number {
  const cases = [...CASES.map((c) => ({ ...c, of: 'streams' })), ...ACTING.map((c) => ({ ...c, of: 'actions' })), ...HOOKS.map((c) => ({ ...c, of: 'webhooks' }))].map(({ name, shows, covers, of }) => ({ name, of, shows, covers }))
  const subjects = [...streams.map((s) => ({ name: s.name, kind: 'stream', server: s.server, missing: s.missing ?? null })), ...actions.map((a) => ({ name: a.name, kind: 'action', server: a.server ?? 'double', missing: a.missing ?? null })), ...hooks.map((h) => ({ name: h.name, kind: 'webhook', server: 'sender', missing: null }))]
  if (json) output.json({ subjects, cases, misbehaviours: misbehaviours() })
  else {
    output.out(table([['subject', 'kind', 'server', ''], ...subjects.map((s) => [s.name, s.kind, s.server, s.missing ? `skipped: ${s.missing}` : ''])]))
    output.out('')
    output.out(table([['case', 'for', 'shows', 'misbehaviours'], ...cases.map((c) => [c.name, c.of, c.shows, c.covers.join(', ')])]))
    output.out('')
    output.out(table([['', 'misbehaviour', 'where'], ...misbehaviours().map((m) => [String(m.number), m.what, m.cases.length > 0 ? m.cases.join('; ') : m.instead])]))
  }
  return EXIT.ok
}

async function run(output: Output, subjects: Subjects, databaseUrl: string, { verbose = false, json = false }: Options): Promise<number> {
  const { color } = output
  const counts = { passed: 0, failed: 0, skipped: 0 }
  const bySubject = new Map<string, typeof counts>()
  const all = subjects.streams.length * CASES.length + subjects.actions.length * ACTING.length + subjects.hooks.length * HOOKS.length
  let done = 0
  const tell = (result: CaseResult): void => {
    counts[result.outcome] += 1
    const of = bySubject.get(result.subject) ?? { passed: 0, failed: 0, skipped: 0 }
    of[result.outcome] += 1
    bySubject.set(result.subject, of)
    done += 1
    if (output.live && !json) process.stderr.write(`\r\u001b[K${done}/${all} ${counts.failed > 0 ? `${counts.failed} failed ` : ''}${result.subject}`)
    if (json) output.json(result)
    else if (result.outcome === 'failed' || verbose) {
      if (output.live) process.stderr.write('\r\u001b[K')
      const mark = { passed: color.green('passed'), failed: color.red('failed'), skipped: color.dim('skipped') }[result.outcome]
      output.out(`${mark} ${result.subject}: ${result.case}${result.reason === '' ? '' : `\n       ${plain(result.reason).slice(0, 1_000)}`}`)
    }
  }
  await runSuite({ ...subjects, databaseUrl, tell })
  if (output.live && !json) process.stderr.write('\r\u001b[K')
  if (json) output.json({ outcome: counts.failed === 0 ? 'completed' : 'failed', ...counts })
  else {
    output.out(table([['subject', 'passed', 'failed', 'skipped'], ...[...bySubject].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, c]) => [name, String(c.passed), String(c.failed), String(c.skipped)])]))
    output.out(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
  }
  return counts.failed === 0 ? EXIT.ok : EXIT.failed
}

/** A database of its own for the ledger of actions, tokens, events and queries, beside the project's: what the suite posts is nobody's. */
async function ledger(projectDir: string, output: Output): Promise<{ url: string; close(): Promise<void> }> {
  const database = await ensureDatabase(projectDir, output)
  const name = `isthmus_conformance_${randomBytes(4).toString('hex')}`
  const admin = async (sql: string): Promise<void> => {
    const client = new pg.Client({ connectionString: database.databaseUrl })
    await client.connect()
    await client.query(sql).finally(() => client.end())
  }
  try {
    await admin(`create database ${name}`)
  } catch (error) {
    await database.stop()
    throw new IsthmusError('InvalidInput', `the suite cannot make a database of its own: ${(error as Error).message}`, { field: 'DATABASE_URL', cure: 'let the user create databases, or leave DATABASE_URL out: then PostgreSQL is started here' })
  }
  const url = new URL(database.databaseUrl)
  url.pathname = `/${name}`
  const store = await openSuiteStore(url.href)
  await store.migrate().finally(() => store.close())
  return {
    url: url.href,
    close: async () => {
      await admin(`drop database if exists ${name} with (force)`).catch(() => undefined)
      await database.stop()
    },
  }
}
