import { Command } from 'commander'
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

/** `isthmus skip <run|sync>`: gives parked streams up in this run. */
export function skipCommand(): Command {
  return decision('skip', 'give parked streams up in this run; what is committed stays', 'left out', async (isthmus, id, streams) => (await isthmus.syncs.get(id)).skip(streams))
}
