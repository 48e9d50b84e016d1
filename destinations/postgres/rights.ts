import { IsthmusError } from '../../model/errors.ts'
import type { StreamPlan } from '../../model/plan.ts'
import { tableOf } from '../../model/table-name.ts'
import type { Queryable } from './catalog.ts'
import { pgName } from './names.ts'

interface Rights {
  database: boolean
  schema: boolean | null
  state: boolean | null
  table: boolean | null
  name: string
}

const SQL = `
select current_database() as name, has_database_privilege(current_database(), 'create') as database,
  (select has_schema_privilege(oid, 'usage') and has_schema_privilege(oid, 'create') from pg_namespace where nspname = $1) as schema,
  (select has_schema_privilege(oid, 'usage') and (not $4::boolean or has_schema_privilege(oid, 'create')) from pg_namespace where nspname = 'isthmus') as state,
  (select has_table_privilege(c.oid, 'insert') and has_table_privilege(c.oid, 'select') and has_table_privilege(c.oid, 'update') and (not $3::boolean or has_table_privilege(c.oid, 'delete'))
   from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = $1 and c.relname = $2) as table`

/** Throws PermissionDenied when the user may not do what a run will have to. */
export async function checkRights(db: Queryable, plan: StreamPlan): Promise<void> {
  const { mode, deletes } = plan
  const { schema, table } = tableOf(plan)
  const { rows } = await db.query<Rights>(SQL, [pgName(schema), pgName(table), mode === 'replace' || deletes.mode === 'hard', deletes.mode !== 'none'])
  const rights = rows[0]!
  const deny = (what: string, cure: string) => new IsthmusError('PermissionDenied', `The user of the destination database may not ${what}`, { field: 'to', cure })
  if (!rights.database && (rights.schema === null || rights.state === null)) {
    const missing = rights.schema === null ? schema : 'isthmus'
    throw deny(`create the schema "${missing}"`, `create it for that user, or grant create on database ${rights.name}`)
  }
  if (rights.state === false) throw deny('use the schema "isthmus"', 'grant usage, create on schema isthmus')
  if (rights.schema === false && (rights.table === null || mode === 'replace')) throw deny(`create tables in the schema "${schema}"`, 'grant usage, create on that schema')
  if (rights.table === false) throw deny(`read and write the table ${schema}.${table}`, 'grant select, insert, update, delete on that table')
}
