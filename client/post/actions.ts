import { resolve } from 'node:path'
import { catalogue } from '../../connectors/index.ts'
import { guarantee } from '../../model/action.ts'
import { IsthmusError } from '../../model/errors.ts'
import type { ActionDestination } from '../../model/plan.ts'
import type { Store } from '../../model/ports.ts'
import type { RunReceipt } from '../../model/run.ts'
import { tableName } from '../../model/table-name.ts'
import { compilePost, findConnector, projectConnectors, useOneOf, type LoadedSync } from '../../project/index.ts'
import type { RunHandle } from '../handle.ts'
import type { LoadedStart } from '../isthmus.ts'
import { checkRecords, type Checked } from './check.ts'
import { stageRecords, touch, type PostInput } from './stage.ts'

export interface PostOptions {
  /** Fields that identify a record. Default: those that the action declares. */
  key?: string | string[]
  signal?: AbortSignal
}

/** What would be posted. Nothing is sent yet. */
export interface PreparedPost extends Checked {
  /** Id of the sync that it is for Isthmus: `post/<connection>/<action>`. */
  id: string
  /** Action and connection as people read them. */
  to: string
  method: string
  /** What holds a record from taking effect twice, in one sentence. */
  guarantee: string
  /** The action waits for a person's approval. */
  approval: ActionDestination['action']['approval']
  /** Records and lines of the file. */
  records: number
  loaded: LoadedSync
}

interface Context {
  projectDir: string
  store(): Promise<Store>
  start(loaded: LoadedSync, options: LoadedStart): Promise<RunHandle>
}

/** Actions of connectors, called from outside of syncs. */
export class PostActions {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /** Actions that can be posted to: by connector, with what they take. */
  async list(): Promise<{ connector: string; actions: string[]; streams: string[] }[]> {
    const own = await projectConnectors(this.#context.projectDir)
    const all = [...own.flatMap((c) => c.connector ?? []), ...catalogue.filter((c) => !own.some((o) => o.id === c.id))]
    return all.map((c) => ({ connector: c.id, actions: c.actions.map((a) => a.name), streams: [...c.streams] }))
  }

  /**
   * Stages the records in the project and checks each against the action. `connection`: one that is stored, or the id of a connector.
   * Throws NotFound, InvalidInput.
   */
  async prepare(connection: string, action: string, input: PostInput, options: PostOptions = {}): Promise<PreparedPost> {
    const { projectDir } = this.#context
    const found = await this.#connector(connection)
    const key = options.key === undefined ? null : [options.key].flat()
    // What is wrong with the action is told before a large file is copied.
    compilePost({ ...found, connection, action, staged: `.isthmus/posts/${'0'.repeat(32)}.jsonl`, key })
    const source = 'file' in input ? { ...input, file: resolve(input.file) } : input
    const staged = await stageRecords(projectDir, source)
    const loaded = compilePost({ ...found, connection, action, staged: staged.path, key })
    const checked = await checkRecords(projectDir, loaded, options.signal ?? new AbortController().signal)
    const [stream] = loaded.plan.streams
    const { action: plan } = stream!.destination as ActionDestination
    return {
      id: loaded.plan.id, to: tableName(stream!), method: `${plan.soap ? plan.soap.operation : `${plan.method} ${plan.path}`}`.trim(), guarantee: guarantee(plan, stream!.key), approval: plan.approval,
      records: staged.records + staged.unreadable, loaded, ...checked,
    }
  }

  /** Starts the run that sends what was prepared. Throws what stands in the way; then nothing was started. */
  async start({ loaded }: PreparedPost, options: LoadedStart = {}): Promise<RunHandle> {
    await touch(this.#context.projectDir, loaded.plan.streams[0]!.stream.file!.path)
    return this.#context.start(loaded, options)
  }

  /**
   * Sends records to an action and waits for the receipt. What was sent before is not sent again, also not by another call with the same
   * records; what does not fit or is refused is set aside (`isthmus rejects list post/<connection>/<action>`).
   */
  async post(connection: string, action: string, input: PostInput, options: PostOptions = {}): Promise<RunReceipt> {
    const prepared = await this.prepare(connection, action, input, options)
    return (await this.start(prepared, { ...(options.signal && { signal: options.signal }) })).result()
  }

  async #connector(connection: string): Promise<NonNullable<Awaited<ReturnType<typeof findConnector>>>> {
    const { projectDir, store } = this.#context
    const direct = await findConnector(projectDir, connection)
    if (direct) return direct
    const stored = await (await store()).getConnection(connection)
    const found = stored?.connector ? await findConnector(projectDir, stored.connector) : null
    if (found) return found
    const known = [...(await (await store()).listConnections()).filter((c) => c.connector !== '').map((c) => c.id), ...(await this.list()).map((c) => c.connector)]
    throw new IsthmusError('NotFound', stored ? `the connection "${connection}" is not one of a connector` : `there is no connection and no connector "${connection}"`, { field: 'connection', cure: `${useOneOf(connection, [...new Set(known)])}, or describe it in connectors/` })
  }
}
