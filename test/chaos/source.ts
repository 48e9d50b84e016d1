import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { Dataset } from '../../simulator/data/dataset.ts'
import type { LiveOptions, Mutation, SimulatorStats } from '../../simulator/index.ts'
import type { Project } from '../support/cli.ts'
import type { ChaosOptions } from './options.ts'

const CUSTOMERS = 2_000
const TIE_GROUP = 3

/** The API, a simulator in a process of its own, and what it holds, computed here once more. */
export interface Source {
  url: string
  port: number
  dataset: Dataset
  stats(): Promise<SimulatorStats>
  configure(change: LiveOptions): Promise<void>
  /** Changes the records, there and in `dataset`. */
  mutate(change: Mutation): Promise<void>
  stop(): Promise<void>
}

export async function startSource(project: Project, o: ChaosOptions, more: string[] = []): Promise<Source> {
  const args = ['simulate', '--json', '--seed', `${o.seed}`, '--records', `transactions=${o.records},customers=${CUSTOMERS}`, '--tie-group', `${TIE_GROUP}`, '--latency', `${o.latency}`, '--page-size', `${o.pageSize}`]
  const child: ChildProcess = project.spawn([...args, ...more])
  const said = await Promise.race([once(child.stdout!, 'data') as Promise<[Buffer]>, once(child, 'exit').then(() => null)])
  if (!said) throw new Error('the simulator did not start')
  const { url, port } = JSON.parse(said[0].toString()) as { url: string; port: number }
  const dataset = new Dataset({ seed: o.seed, customers: CUSTOMERS, tieGroup: TIE_GROUP, poisonEvery: 0 }, { customers: CUSTOMERS, invoices: 0, transactions: o.records })
  const post = async (path: string, body: unknown): Promise<void> => {
    const answer = await fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`)
  }
  return {
    url, port, dataset,
    stats: async () => (await fetch(`${url}/_sim/stats`)).json() as Promise<SimulatorStats>,
    configure: (change) => post('/_sim/config', change),
    async mutate(change) {
      await post('/_sim/mutate', change)
      const records = dataset.collections[change.collection]
      if (change.touch) records.touch(change.touch)
      if (change.append) records.append(change.append)
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    },
  }
}
