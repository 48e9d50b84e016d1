// Child of `protocols/http/bounds.test.ts`: reads what the server there offers and tells how that ended and how much memory it took at most.
import { openConnection } from '../rest/index.ts'
import { sourceSchema } from '../../model/index.ts'
import { reading, token } from './reading.ts'

const [url, ...paths] = process.argv.slice(2) as [string, ...string[]]
const limit = { maxPageBytes: 16 << 20, timeout: '20s' }
const read = async (path: string): Promise<unknown> => {
  const one = reading(url, { path }, limit)
  try {
    return (await one.read({ token: async () => token(1) })).stop
  } finally {
    await one.close()
  }
}
const signIn = async (path: string): Promise<unknown> => {
  const source = sourceSchema.parse({ baseUrl: url, auth: { kind: 'oauth2ClientCredentials', tokenUrl: path, clientId: 'id', clientSecret: { env: 'S' } }, ...limit })
  const connection = openConnection({ source, resolve: (v) => (typeof v === 'string' ? v : 'secret-of-the-test') })
  try {
    await connection.authenticator.fetchToken({ version: 0, accessToken: '', refreshToken: null, expiresAt: null })
    return { kind: 'signed in' }
  } catch (error) {
    const { type, message } = error as { type: string; message: string }
    return { kind: 'error', type, message }
  } finally {
    await connection.close()
  }
}
await read('/good')
const before = process.resourceUsage().maxRSS
for (const path of paths) {
  const began = Date.now()
  const stop = await (path.startsWith('/token') ? signIn(path) : read(path))
  process.stdout.write(`${JSON.stringify({ path, stop, ms: Date.now() - began, mib: Math.round((process.resourceUsage().maxRSS - before) / 1024) })}\n`)
}
