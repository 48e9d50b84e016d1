import { Command, Option } from 'commander'
import * as flag from './flags.ts'
import { BODY_FAULTS } from './http/fault-kinds.ts'
import type { SimulatorOptions } from './options.ts'
import { AUTH_MODES } from './options.ts'
import { serve } from './serve.ts'

/** Flags whose values go on as they are. */
type Same = 'host' | 'port' | 'seed' | 'records' | 'auth' | 'tokenTtl' | 'refreshRotation' | 'concurrency' | 'retryAfter' | 'rateLimitHeaders' | 'throttleOnce' | 'faultAt' | 'tokenFaultAt' | 'gzip' | 'tieGroup' | 'poisonEvery' | 'sinkCut' | 'sinkError' | 'sinkIdempotency' | 'sinkRefuseEvery'
interface Flags extends Pick<SimulatorOptions, Same> {
  latency?: number
  limit?: SimulatorOptions['limits']
  fault?: SimulatorOptions['faults']
  slow?: number
  expireTokenAfter?: number
  pageSize?: number
  maxPageSize?: number
  json?: boolean
}

/** `simulate`: starts the simulator and keeps it until SIGINT or SIGTERM. */
export function simulateCommand(): Command {
  const option = (flags: string, text: string) => new Option(flags, text)
  return new Command('simulate')
    .description('a local HTTP API with made-up business data, sign-in, budgets and faults')
    .addOption(option('--host <address>', 'address to listen on (default: 127.0.0.1, this machine only)'))
    .addOption(option('--port <number>', 'port; 0 takes a free one (default: 0)').argParser(flag.whole))
    .addOption(option('--seed <number>', 'the same seed gives the same records and faults (default: 1)').argParser(flag.whole))
    .addOption(option('--records <counts>', 'for all collections (20000) or each (transactions=1e6,customers=500); up to 10,000,000').argParser<SimulatorOptions['records']>(flag.records))
    .addOption(option('--tie-group <n>', 'neighbours that share one updated_at (default: 3)').argParser(flag.whole))
    .addOption(option('--page-size <n>', 'records per page when none are asked for (default: 100)').argParser(flag.whole))
    .addOption(option('--max-page-size <n>', 'most records per page (default: 1000)').argParser(flag.whole))
    .addOption(option('--latency <duration>', 'before each answer: 50, 50ms, 1s (default: 0)').argParser(flag.milliseconds))
    .addOption(option('--gzip', 'gzip answers for clients that accept it'))
    .addOption(option('--auth <mode>', 'how to sign in (default: none)').choices(AUTH_MODES))
    .addOption(option('--token-ttl <duration>', 'life of an access token: 60, 90s, 1h (default: 1h)').argParser(flag.seconds))
    .addOption(option('--expire-token-after <n>', 'an access token dies after n requests').argParser(flag.whole))
    .addOption(option('--refresh-rotation', 'refresh tokens work once; a second use revokes all (the default)'))
    .addOption(option('--no-refresh-rotation', 'refresh tokens can be used again'))
    .addOption(option('--limit <requests/window>', 'budget, for example 100/1m; may be given several times').argParser<SimulatorOptions['limits']>(flag.limit))
    .addOption(option('--concurrency <n>', 'most requests under way at once; 0 for any').argParser(flag.whole))
    .addOption(option('--retry-after <form>', 'how a 429 says when to come back (default: seconds)').choices(['seconds', 'date', 'none']))
    .addOption(option('--rate-limit-headers', 'X-RateLimit-Limit, -Remaining and -Reset on every answer'))
    .addOption(option('--throttle-once <n[/wait]>', 'one 429 at the nth data request: 12 or 12/5s').argParser(flag.throttleOnce))
    .addOption(option('--fault <kind=chance>', `chance per data request, for example status:503=0.05; kinds: status:<code>, status:<code>:retry-after, ${BODY_FAULTS.join(', ')}; may be given several times`).argParser<SimulatorOptions['faults']>(flag.fault))
    .addOption(option('--fault-at <n=kind>', 'a fault at the nth data request; may be given several times').argParser<SimulatorOptions['faultAt']>(flag.faultAt))
    .addOption(option('--token-fault-at <n=kind>', 'a fault at the nth token request, after the token was issued').argParser<SimulatorOptions['faultAt']>(flag.faultAt))
    .addOption(option('--slow <duration>', 'how long a slow answer drips (default: 2s)').argParser(flag.milliseconds))
    .addOption(option('--poison-every <n>', 'every nth record carries "n/a" as amount').argParser(flag.whole))
    .addOption(option('--sink-cut <chance>', 'a write to /sink is committed, then its answer is cut off').argParser(flag.chance))
    .addOption(option('--sink-error <chance>', 'a write to /sink is committed, then answered 500').argParser(flag.chance))
    .addOption(option('--no-sink-idempotency', 'the sink does not know idempotency keys'))
    .addOption(option('--sink-refuse-every <n>', 'the sink refuses about one in n records, always the same ones').argParser(flag.whole))
    .addOption(option('--json', 'one JSON line with the address'))
    .action(async (flags: Flags) => serve(optionsOf(flags), flags.json === true))
}

function optionsOf(flags: Flags): SimulatorOptions {
  const { json: _, pageSize, maxPageSize, latency, limit, fault, slow, expireTokenAfter, ...same } = flags
  // A page size above the usual most raises that too.
  const max = maxPageSize ?? Math.max(1000, pageSize ?? 0)
  return {
    ...same,
    latencyMs: latency,
    limits: limit,
    faults: fault,
    slowMs: slow,
    expireTokenAfterRequests: expireTokenAfter,
    pageSize: { default: Math.min(pageSize ?? 100, max), max },
  }
}
