import { Command, InvalidArgumentError, Option } from 'commander'

export const TARGETS = ['worker', 'temporal', 'postgres', 'api', 'all', 'zombie'] as const
export const PAGINGS = ['cursor', 'page', 'offset', 'link'] as const

/** What a chaos run is asked to do. */
export interface ChaosOptions {
  /** Decides the records, which faults come and when. */
  seed: number
  records: number
  /** Faults to inject; rounds for target `zombie`. */
  kills: number
  target: (typeof TARGETS)[number]
  pageSize: number
  paging: (typeof PAGINGS)[number]
  /** Milliseconds before each answer of the API. */
  latency: number
  /** Print the schedule, each fault and what the parts say. */
  verbose: boolean
  json: boolean
}

function whole(text: string): number {
  const value = Number(text.replaceAll('_', ''))
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('It must be a whole number from 0.')
  return value
}

export function chaosCommand(): Command {
  return new Command('chaos')
    .description('a sync under faults: real Temporal, PostgreSQL, worker and HTTP API; counts what is missing or doubled afterwards')
    .option('--seed <n>', 'same seed, same records and faults', whole, 1)
    .option('--records <n>', 'records at the source', whole, 20_000)
    .option('--kills <n>', 'faults to inject (rounds for zombie)', whole, 10)
    .addOption(new Option('--target <what>', 'worker, temporal, postgres: SIGKILL of that process; api: faults of the API and of the network before it; all: any of these; zombie: a worker stopped while it posts wakes up after another took over').choices(TARGETS).default('worker'))
    .option('--page-size <n>', 'records a page', whole, 100)
    .addOption(new Option('--paging <style>', 'how the API pages').choices(PAGINGS).default('cursor'))
    .option('--latency <ms>', 'before each answer of the API', whole, 15)
    .option('--verbose', 'print the schedule and each fault', false)
    .option('--json', 'only the JSON line', false)
    .addHelpText('after', '\nExit code: 0 nothing missing, nothing doubled, checksum equal, all faults injected; 1 otherwise; 2 the proof could not be run.')
}
