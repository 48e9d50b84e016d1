import { Command } from 'commander'
import pg from 'pg'
import { IsthmusError } from '../../model/errors.ts'
import { projectEnvironment } from '../../project/index.ts'
import { findStack } from '../../workers/stack.ts'
import { action, projectOption } from './action.ts'
import { EXIT, table } from './output.ts'
import { ensureStack } from './stack.ts'

/** `isthmus sql <query>`: asks the project's database, so that rows can be looked at without further tools. Read-only. */
export function sqlCommand(): Command {
  return new Command('sql')
    .description('ask the database of the project (read-only): rows without further tools')
    .argument('<query>', 'one SQL query')
    .option('--json', 'one JSON object a row')
    .addOption(projectOption())
    .action(
      action(async (output, query: string, options: { json?: boolean; project: string }) => {
        const stack = await ensureStack(options.project, output, { worker: false })
        const url = projectEnvironment(options.project)['DATABASE_URL'] || (await findStack(options.project))?.databaseUrl
        if (!url) throw new IsthmusError('Unreachable', 'no database is known', { cure: 'start `isthmus dev`, or set DATABASE_URL' })
        const client = new pg.Client({ connectionString: url, types: { getTypeParser: () => (text: string) => text } as never })
        try {
          await client.connect()
          await client.query('begin read only')
          const result = await client.query<Record<string, string | null>>(query).catch((error: unknown) => {
            throw new IsthmusError('InvalidInput', (error as Error).message, { field: 'query', cure: 'correct the query; `select * from <table> limit 10` is a start' })
          })
          if (options.json) for (const row of result.rows) output.json(row)
          else {
            const names = result.fields.map((f) => f.name)
            output.out(table([names, ...result.rows.map((r) => names.map((n) => r[n] ?? ''))]))
            output.err(output.color.dim(`${result.rows.length} row${result.rows.length === 1 ? '' : 's'}`))
          }
          return EXIT.ok
        } finally {
          await client.end()
          await stack.stop()
        }
      }),
    )
}
