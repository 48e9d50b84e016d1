import { Command } from 'commander'
import type { RunHandle } from '../handle.ts'
import { Isthmus } from '../isthmus.ts'
import { action, projectOption } from './action.ts'
import { EXIT, plain } from './output.ts'

interface Options {
  stream?: string[]
  json?: boolean
  project: string
}

type Decide = (isthmus: Isthmus, id: string, streams: string[] | undefined) => Promise<string[]>

/** A command that decides about the parked streams of a run. */
function decision(name: string, description: string, done: string, decide: Decide): Command {
  return new Command(name)
    .description(description)
    .argument('<run>', 'id of a run, or of a sync for its newest run')
    .option('--stream <name...>', 'only these streams (default: all that are parked)')
    .option('--json', 'one JSON line')
    .addOption(projectOption())
    .action(
      action(async (output, id: string, options: Options) => {
        const isthmus = new Isthmus({ projectDir: options.project })
        try {
          const streams = await decide(isthmus, id, options.stream)
          const { run, sync } = await isthmus.syncs.get(id)
          if (options.json) output.json({ run, sync, streams, decision: name })
          else output.out(`run ${run} of ${plain(sync)}: ${streams.map(plain).join(', ')} ${done}`)
          return EXIT.ok
        } finally {
          await isthmus.close()
        }
      }),
    )
}

/** `isthmus retry <run|sync>`: sends parked streams on, with the sync and the environment as they are now. */
export function retryCommand(): Command {
  return decision('retry', 'send parked streams on, with the sync and .env as they are now', 'goes on', (isthmus, id, streams) => isthmus.syncs.retry(id, { streams }))
}

/** `isthmus approve <run|sync>`: lets streams go on whose numbers are unusual. */
export function approveCommand(): Command {
  return decision('approve', 'let a stream go on that stopped because its numbers are unusual', 'goes on', async (isthmus, id, streams) => (await isthmus.syncs.get(id)).approve(streams))
}

/** A command that gives an order to a whole run. */
function runOrder(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .argument('<run>', 'id of a run, or of a sync for its newest run')
    .option('--json', 'one JSON line')
    .addOption(projectOption())
}

async function ordered(options: Omit<Options, 'stream'>, id: string, give: (handle: RunHandle) => Promise<void>): Promise<RunHandle> {
  const isthmus = new Isthmus({ projectDir: options.project })
  try {
    const handle = await isthmus.syncs.get(id)
    await give(handle)
    return handle
  } finally {
    await isthmus.close()
  }
}

/** `isthmus pause <run|sync>`: holds a run. */
export function pauseCommand(): Command {
  return runOrder('pause', 'hold a run: what was read is delivered, no more is read until `resume`')
    .option('--note <text>', 'why, as others shall see it', '')
    .action(
      action(async (output, id: string, options: Options & { note: string }) => {
        const { run, sync } = await ordered(options, id, (handle) => handle.pause(options.note))
        if (options.json) output.json({ run, sync, decision: 'pause', note: options.note })
        else output.out(`run ${run} of ${plain(sync)} is paused; isthmus resume ${plain(sync)} lets it go on`)
        return EXIT.ok
      }),
    )
}

/** `isthmus resume <run|sync>`: lets a paused run go on. */
export function resumeCommand(): Command {
  return runOrder('resume', 'let a paused run go on').action(
    action(async (output, id: string, options: Options) => {
      const { run, sync } = await ordered(options, id, (handle) => handle.resume())
      if (options.json) output.json({ run, sync, decision: 'resume' })
      else output.out(`run ${run} of ${plain(sync)} goes on`)
      return EXIT.ok
    }),
  )
}

/** `isthmus skip <run|sync>`: gives parked streams up in this run. */
export function skipCommand(): Command {
  return decision('skip', 'give parked streams up in this run; what is committed stays', 'left out', async (isthmus, id, streams) => (await isthmus.syncs.get(id)).skip(streams))
}
