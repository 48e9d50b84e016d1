import { Command } from 'commander'
import pg from 'pg'
import { IsthmusError } from '../../model/errors.ts'
import { parseExact, stringifyExact } from '../../model/json/index.ts'
import { action, projectOption } from './action.ts'
import { EXIT, table } from './output.ts'
import { ensureDatabase } from './stack.ts'

/** `isthmus sql <query>`: asks the project's database, so that rows can be looked at without further tools. Read-only. */
export function sqlCommand(): Command {
  return new Command('sql')
    .description('ask the database of the project (read-only): rows without further tools')
    .argument('<query>', 'one SQL query')
    .option('--json', 'one JSON object a row: json and jsonb as they are, everything else as text; a second column of a name is <name>_2')
    .addOption(projectOption())
    .action(
      action(async (output, query: string, options: { json?: boolean; project: string }) => {
        const database = await ensureDatabase(options.project, output)
        try {
          const { names, kinds, rows } = await ask(database.databaseUrl, query)
          if (options.json) for (const row of rows) output.out(jsonRow(unique(names), kinds, row))
          else {
            output.out(table([names, ...rows.map((r) => r.map((cell) => cell ?? ''))]))
            output.err(output.color.dim(`${rows.length} row${rows.length === 1 ? '' : 's'}`))
          }
          return EXIT.ok
        } finally {
          await database.stop()
        }
      }),
    )
}

/** Cells as PostgreSQL writes them; `kinds` are the columns' type OIDs. */
interface Answer {
  names: string[]
  kinds: number[]
  rows: (string | null)[][]
}

async function ask(url: string, query: string): Promise<Answer> {
  const client = new pg.Client({ connectionString: url, types: { getTypeParser: () => (text: string) => text } as never })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('begin read only')
    // The extended protocol takes one statement: none that ends the read-only transaction first.
    const asked: pg.QueryArrayConfig = { text: query, rowMode: 'array', queryMode: 'extended' } as pg.QueryArrayConfig
    const { fields, rows } = await client.query<(string | null)[]>(asked).catch((error: unknown) => {
      throw new IsthmusError('InvalidInput', (error as Error).message, { field: 'query', cure: 'correct the query; `select * from <table> limit 10` is a start' })
    })
    return { names: fields.map((f) => f.name), kinds: fields.map((f) => f.dataTypeID), rows }
  } finally {
    await client.end()
  }
}

/** Names for an object: `n, n` become `n, n_2`. */
function unique(names: string[]): string[] {
  const given = new Set(names)
  const taken = new Set<string>()
  return names.map((name) => {
    let free = name
    for (let i = 2; taken.has(free) || (free !== name && given.has(free)); i++) free = `${name}_${i}`
    taken.add(free)
    return free
  })
}

const JSON_TYPES = [114, 3802]

function jsonRow(names: string[], kinds: number[], row: (string | null)[]): string {
  const cells = row.map((text, i) => `${JSON.stringify(names[i])}:${text !== null && JSON_TYPES.includes(kinds[i]!) ? oneLine(text) : JSON.stringify(text)}`)
  return `{${cells.join(',')}}`
}

/** JSON without its line breaks, its numbers with their digits. */
function oneLine(json: string): string {
  return stringifyExact(parseExact(Buffer.from(json), { revive: false, maxDepth: 10_000 }), { marked: true })
}
