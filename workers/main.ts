// Program of the worker process; `worker-process.ts` says how it behaves.
import { workerProcess } from './worker-process.ts'

await workerProcess()
