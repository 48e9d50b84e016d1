import { randomBytes } from 'node:crypto'
import { Command } from 'commander'
import { projectEnvironment } from '../../project/index.ts'
import { action, projectOption } from './action.ts'
import { interruption } from './interrupt.ts'
import { EXIT } from './output.ts'
import { withConnections } from './with-connections.ts'

interface Options {
  host: string
  port: number
  publicUrl?: string
  json?: boolean
  project: string
}

/** `isthmus serve`: the HTTP API for apps. */
export function serveCommand(): Command {
  return new Command('serve')
    .description('serve the HTTP API for apps until Ctrl-C: links by which their customers connect accounts')
    .option('--host <address>', 'address to listen at', '127.0.0.1')
    .option('--port <n>', 'port; 0 takes a free one', (v) => Number.parseInt(v, 10), 8280)
    .option('--public-url <url>', 'address under which browsers reach it, for example https://connect.example.com')
    .option('--json', 'one JSON line with its address when it is up')
    .addOption(projectOption())
    .addHelpText('after', '\nApps prove themselves with ISTHMUS_API_TOKEN as bearer token; one is made and printed when it is not set.\nRegister <public url>/connect/callback as redirect URI with providers.')
    .action(
      action((output, options: Options) =>
        withConnections(output, options.project, async (connections) => {
          const stop = interruption(() => output.err('stopping'), () => undefined)
          const given = projectEnvironment(options.project)['ISTHMUS_API_TOKEN']
          const token = given || randomBytes(24).toString('base64url')
          const { startHttpApi } = await import('../http/server.ts')
          const api = await startHttpApi({ host: options.host, port: options.port, publicUrl: options.publicUrl ?? null, token, connections })
          if (options.json) output.json({ url: api.url, redirectUri: api.redirectUri, ...(!given && { token }) })
          else {
            output.out(`${output.color.green('ready')}  ${api.url}`)
            output.out(`  redirect URI  ${api.redirectUri}`)
            output.out(`  token         ${given ? 'ISTHMUS_API_TOKEN' : `${token} (made for this start; set ISTHMUS_API_TOKEN to keep one)`}`)
          }
          if (!stop.signal.aborted) await new Promise((resolve) => stop.signal.addEventListener('abort', resolve, { once: true }))
          await api.close()
          stop.end()
          return EXIT.ok
        }),
      ),
    )
}
