import { randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import { Command, InvalidArgumentError } from 'commander'
import { IsthmusError } from '../../model/errors.ts'
import { projectEnvironment, type Environment } from '../../project/index.ts'
import { loadVaultKey, openStore } from '../../store/index.ts'
import { EncryptionCodec, followingKeys, ownUsers, startCodecServer } from '../../workers/codec/index.ts'
import { temporalConnectionOptions } from '../../workers/connect.ts'
import { findStack } from '../../workers/stack.ts'
import { action, projectOption } from './action.ts'
import { interruption } from './interrupt.ts'
import { EXIT, plain } from './output.ts'

interface Options {
  host: string
  port: number
  uiOrigin: string[]
  hostName: string[]
  namespace?: string
  json?: boolean
  project: string
}

const SHORTEST_TOKEN = 16

/** `isthmus codec`: lets Temporal's web UI and CLI show what is encrypted. */
export function codecCommand(): Command {
  return new Command('codec')
    .description('decode what Temporal stores for its web UI and CLI, until Ctrl-C (isthmus dev starts one by itself)')
    .option('--host <address>', 'address to listen at', '127.0.0.1')
    .option('--port <n>', 'port; 0 takes a free one', port, 8234)
    .option('--ui-origin <origin...>', 'origin of the web UI, for example https://temporal.example.com (default: that of ISTHMUS_TEMPORAL_UI)')
    .option('--host-name <name...>', 'name (and port, if it is not that of the scheme) under which it is called through a proxy, for example codec.example.com', [])
    .option('--namespace <name>', 'Temporal namespace it answers for (default: that of TEMPORAL_NAMESPACE or the Temporal profile)')
    .option('--json', 'one JSON line with its address when it is up')
    .addOption(projectOption())
    .addHelpText('after', `
Callers prove themselves with ISTHMUS_CODEC_TOKEN (at least ${SHORTEST_TOKEN} characters), as a bearer token or as the first part of the path. Without it a token
is made for this start, and on Linux only processes of this user are answered.
It needs the database (DATABASE_URL, or a running isthmus dev) and the key of the vault. Put it behind TLS when it is to be reached from elsewhere.`)
    .action(
      action(async (output, options: Options) => {
        const { host, project } = options
        const env = projectEnvironment(project)
        const given = tokenOf(env, host)
        const databaseUrl = env['DATABASE_URL'] || (await findStack(project))?.databaseUrl
        if (!databaseUrl) throw new IsthmusError('MissingEnvironment', 'no database is known', { cure: 'set DATABASE_URL, or use `isthmus dev`, which has a codec server of its own' })
        const stop = interruption(() => output.err('stopping'), () => undefined)
        const store = await openStore(databaseUrl, { key: await loadVaultKey({ env, projectDir: project }) })
        try {
          await store.migrate()
          const codec = new EncryptionCodec(await followingKeys(() => store.payloadKeys()))
          const token = given ?? randomBytes(24).toString('base64url')
          const origins = (options.uiOrigin ?? [env['ISTHMUS_TEMPORAL_UI']].filter(Boolean) as string[]).map(origin)
          const server = await startCodecServer({
            host, port: options.port, token, origins: () => origins, hosts: options.hostName.map((name) => name.toLowerCase()), codec: () => Promise.resolve(codec),
            namespace: options.namespace ?? temporalConnectionOptions(env).namespace,
            ...(given === null && { users: ownUsers() }),
            say: (line) => output.err(plain(line)),
          })
          const endpoint = `http://${isIP(host) === 6 ? `[${host}]` : host}:${server.port}${given === null ? `/${token}` : ''}`
          if (options.json) output.json({ endpoint, port: server.port, origins })
          else output.out(`decoding at ${endpoint}${given === null ? '' : ', with ISTHMUS_CODEC_TOKEN as bearer token'}; Ctrl-C stops it`)
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

/** The token that is given; null where one is to be made, for this machine only. Throws InvalidInput or MissingEnvironment. */
function tokenOf(env: Environment, host: string): string | null {
  const token = env['ISTHMUS_CODEC_TOKEN']
  const cure = 'make one with `openssl rand -hex 24`'
  if (!token) {
    if (/^(127\.\d+\.\d+\.\d+|localhost|::1)$/.test(host)) return null
    throw new IsthmusError('MissingEnvironment', `ISTHMUS_CODEC_TOKEN is not set, and ${host} can be reached from elsewhere`, { field: '--host', cure })
  }
  if (token.length < SHORTEST_TOKEN || !/^[\w.~-]+$/.test(token)) {
    throw new IsthmusError('InvalidInput', `ISTHMUS_CODEC_TOKEN is shorter than ${SHORTEST_TOKEN} characters or holds others than letters, digits, - . _ ~`, { field: 'ISTHMUS_CODEC_TOKEN', cure })
  }
  return token
}

function origin(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return new URL(text).origin
  throw new IsthmusError('InvalidInput', `${JSON.stringify(text)} is no origin of a web page`, { field: '--ui-origin', cure: 'write it as https://temporal.example.com' })
}

function port(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0 || value > 65_535) throw new InvalidArgumentError('must be a port, 0 to 65535.')
  return value
}
