import { randomBytes } from 'node:crypto'
import { Command } from 'commander'
import { IsthmusError } from '../../model/errors.ts'
import { projectEnvironment } from '../../project/index.ts'
import { Isthmus } from '../isthmus.ts'
import { action, projectOption } from './action.ts'
import { interruption } from './interrupt.ts'
import { EXIT } from './output.ts'
import { version } from './version.ts'
import { withConnections } from './with-connections.ts'

interface Options {
  host: string
  port: number
  publicUrl?: string
  corsOrigin?: string[]
  rateLimit: number
  json?: boolean
  project: string
}

/** `isthmus serve`: the HTTP API for apps. */
export function serveCommand(): Command {
  return new Command('serve')
    .description('serve the HTTP API for apps until Ctrl-C: syncs, runs, rejects, connections, links by which customers connect accounts')
    .option('--host <address>', 'address to listen at', '127.0.0.1')
    .option('--port <n>', 'port; 0 takes a free one', (v) => Number.parseInt(v, 10), 8280)
    .option('--public-url <url>', 'address under which browsers reach it, for example https://connect.example.com')
    .option('--cors-origin <origin...>', 'origins whose pages may call it; default: none')
    .option('--rate-limit <n>', 'requests a minute for each key', (v) => Number.parseInt(v, 10), 1_200)
    .option('--json', 'one JSON line with its address when it is up')
    .addOption(projectOption())
    .addHelpText('after', '\nApps prove themselves with a key (`isthmus keys create`), or with ISTHMUS_API_TOKEN, which may do everything; one is made and printed when it is not set.\nGET /v1/openapi.json describes the API. Runs need Temporal: `isthmus dev`, or TEMPORAL_ADDRESS.\nRegister <public url>/connect/callback as redirect URI with providers.')
    .action(
      action((output, options: Options) =>
        withConnections(output, options.project, async (connections, store, databaseUrl) => {
          const stop = interruption(() => output.err('stopping'), () => undefined)
          const given = projectEnvironment(options.project)['ISTHMUS_API_TOKEN']
          const token = given || randomBytes(24).toString('base64url')
          const { startHttpApi } = await import('../http/index.ts')
          if (!(options.rateLimit > 0)) throw new IsthmusError('InvalidInput', 'the limit is no number of requests', { field: '--rate-limit', cure: 'give a whole number above 0' })
          const isthmus = new Isthmus({ projectDir: options.project, databaseUrl })
          const api = await startHttpApi({ host: options.host, port: options.port, publicUrl: options.publicUrl ?? null, token, connections, isthmus, keys: store, perMinute: options.rateLimit, version: version(), ...(options.corsOrigin && { corsOrigins: options.corsOrigin }) })
          if (options.json) output.json({ url: api.url, redirectUri: api.redirectUri, ...(!given && { token }) })
          else {
            output.out(`${output.color.green('ready')}  ${api.url}`)
            output.out(`  redirect URI  ${api.redirectUri}`)
            output.out(`  token         ${given ? 'ISTHMUS_API_TOKEN' : `${token} (made for this start; set ISTHMUS_API_TOKEN to keep one)`}`)
          }
          if (!stop.signal.aborted) await new Promise((resolve) => stop.signal.addEventListener('abort', resolve, { once: true }))
          await api.close()
          await isthmus.close()
          stop.end()
          return EXIT.ok
        }),
      ),
    )
}
