import { randomBytes } from 'node:crypto'
import { Command } from 'commander'
import { IsthmusError } from '../../model/errors.ts'
import { projectEnvironment } from '../../project/index.ts'
import { loadVaultKey, openStore } from '../../store/index.ts'
import { EncryptionCodec, startCodecServer } from '../../workers/codec/index.ts'
import { action, projectOption } from './action.ts'
import { interruption } from './interrupt.ts'
import { EXIT } from './output.ts'

interface Options {
  host: string
  port: number
  uiOrigin: string[]
  hostName: string[]
  namespace: string
  json?: boolean
  project: string
}

/** `isthmus codec`: lets Temporal's web UI and CLI show what is encrypted. */
export function codecCommand(): Command {
  return new Command('codec')
    .description('decode what Temporal stores for its web UI and CLI, until Ctrl-C (isthmus dev starts one by itself)')
    .option('--host <address>', 'address to listen at', '127.0.0.1')
    .option('--port <n>', 'port; 0 takes a free one', (v) => Number.parseInt(v, 10), 8234)
    .option('--ui-origin <origin...>', 'origin of the web UI, for example https://temporal.example.com', [])
    .option('--host-name <name...>', 'name and port under which it is called through a proxy, for example codec.example.com', [])
    .option('--namespace <name>', 'Temporal namespace it answers for', process.env['TEMPORAL_NAMESPACE'] || 'default')
    .option('--json', 'one JSON line with its address when it is up')
    .addOption(projectOption())
    .addHelpText('after', '\nCallers prove themselves with ISTHMUS_CODEC_TOKEN, as a bearer token or as the first part of the path; one is made when it is not set.\nIt needs DATABASE_URL and the key of the vault. Put it behind TLS when it is to be reached from elsewhere.')
    .action(
      action(async (output, options: Options) => {
        const env = projectEnvironment(options.project)
        const databaseUrl = env['DATABASE_URL']
        if (!databaseUrl) throw new IsthmusError('MissingEnvironment', 'DATABASE_URL is not set', { cure: 'set it, or use `isthmus dev`, which has a codec server of its own' })
        const stop = interruption(() => output.err('stopping'), () => undefined)
        const store = await openStore(databaseUrl, { key: await loadVaultKey({ env, projectDir: options.project }) })
        try {
          await store.migrate()
          const token = env['ISTHMUS_CODEC_TOKEN'] || randomBytes(24).toString('base64url')
          if (token.length < 16) throw new IsthmusError('InvalidInput', 'ISTHMUS_CODEC_TOKEN is shorter than 16 characters', { field: 'ISTHMUS_CODEC_TOKEN', cure: 'make one with `openssl rand -base64 24`' })
          const { host, port, uiOrigin, hostName, namespace } = options
          const server = await startCodecServer({ host, port, token, namespace, origins: uiOrigin.map((o) => o.replace(/\/+$/, '')), hosts: hostName.map((h) => h.toLowerCase()), codec: async () => new EncryptionCodec(await store.payloadKeys()) })
          const given = Boolean(env['ISTHMUS_CODEC_TOKEN'])
          const endpoint = `http://${host}:${server.port}${given ? '' : `/${token}`}`
          if (options.json) output.json({ endpoint, port: server.port })
          else output.out(`decoding at ${endpoint}${given ? ', with ISTHMUS_CODEC_TOKEN as bearer token' : ''}; Ctrl-C stops it`)
          if (!stop.signal.aborted) await new Promise((resolve) => stop.signal.addEventListener('abort', resolve, { once: true }))
          await server.close()
          return EXIT.ok
        } finally {
          await store.close()
          stop.end()
        }
      }),
    )
}
