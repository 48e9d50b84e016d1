import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { IsthmusError } from '../../model/index.ts'
import type { ErrorType } from '../../model/index.ts'
import type { Ask, ThreadAnswer, ThreadData, ThreadRequest } from './types.ts'

/** Memory of one thread. Salesforce and NetSuite take 20 to 60 MB. */
const MAX_HEAP_MB = 768
/** A thread without work for this long is ended; the next call starts it again. */
const IDLE_MS = 60_000
/** The thread loads TypeScript by itself when this code runs from its sources. */
const fromSource = import.meta.url.endsWith('.ts')

/** A thread that holds one WSDL: what it takes to parse one, to build envelopes and to read answers never holds up the process. */
export class Host {
  readonly #data: ThreadData
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  #thread: Worker | null = null
  #idle: NodeJS.Timeout | null = null
  #next = 0

  constructor(data: ThreadData) {
    this.#data = data
  }

  /** Throws what the thread throws; Transient when it ends meanwhile, PageTooLarge when its memory does not do. */
  ask(ask: Ask): Promise<unknown> {
    if (this.#idle) clearTimeout(this.#idle)
    const thread = (this.#thread ??= this.#start())
    thread.ref()
    const id = ++this.#next
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      thread.postMessage({ id, ask } satisfies ThreadRequest)
    })
  }

  get running(): boolean {
    return this.#thread !== null
  }

  #start(): Worker {
    const entry = new URL(`./thread/main.${fromSource ? 'ts' : 'js'}`, import.meta.url)
    const options = { workerData: { soap: this.#data, entry: fileURLToPath(entry), jiti: fromSource ? createRequire(import.meta.url).resolve('jiti') : '' }, resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB }, execArgv: [], stdout: false }
    const thread = fromSource ? new Worker(FROM_SOURCE, { ...options, eval: true }) : new Worker(entry, options)
    thread.on('message', (answer: ThreadAnswer) => {
      const waiting = this.#waiting.get(answer.id)
      this.#waiting.delete(answer.id)
      if ('error' in answer) {
        const { type, message, field, cure } = answer.error
        waiting?.reject(new IsthmusError(type as ErrorType, message, { field, cure }))
      } else waiting?.resolve(answer.value)
      if (this.#waiting.size === 0) this.#rest(thread)
    })
    const ended = (error: Error) => {
      if (this.#thread === thread) this.#thread = null
      for (const { reject } of this.#waiting.values()) reject(error)
      this.#waiting.clear()
    }
    thread.on('error', (error: Error & { code?: string }) => {
      ended(error.code === 'ERR_WORKER_OUT_OF_MEMORY'
        ? new IsthmusError('PageTooLarge', `the WSDL or an answer needs more than ${MAX_HEAP_MB} MB of memory`, { field: 'from.soap.wsdl', cure: 'ask for smaller pages, or take the WSDL of fewer operations' })
        : new IsthmusError('Transient', `the thread of the WSDL ended: ${error.message.slice(0, 200)}`))
    })
    thread.on('exit', () => ended(new IsthmusError('Transient', 'the thread of the WSDL ended')))
    return thread
  }

  #rest(thread: Worker): void {
    thread.unref()
    this.#idle = setTimeout(() => {
      if (this.#waiting.size > 0) return
      if (this.#thread === thread) this.#thread = null
      void thread.terminate()
    }, IDLE_MS)
    this.#idle.unref()
  }
}

const FROM_SOURCE = `
const { workerData } = require('node:worker_threads')
const { createJiti } = require(workerData.jiti)
createJiti(workerData.entry).import(workerData.entry).catch((error) => setImmediate(() => { throw error }))
`
