import { Agent, request } from 'undici'
import { SIMULATOR_CREDENTIALS as C } from '../credentials.ts'
import type { Simulator } from '../server.ts'

/** A plain answer: status, headers in lower case, body as text. */
export interface Got {
  status: number
  headers: Record<string, string>
  text: string
}

/** One agent that tests share; short timeouts so that a hang fails soon. */
export const agent = new Agent({ headersTimeout: 3000, bodyTimeout: 3000, connections: 20 })

/** GET below the simulator's address (or an absolute one). */
export async function get(sim: Simulator, path: string, headers: Record<string, string> = {}): Promise<Got> {
  return finish(await request(path.startsWith('http') ? path : `${sim.url}${path}`, { headers, dispatcher: agent }))
}

/** POST of a form. */
export async function postForm(sim: Simulator, path: string, form: Record<string, string>, headers: Record<string, string> = {}): Promise<Got> {
  const body = new URLSearchParams(form).toString()
  return finish(await request(`${sim.url}${path}`, { method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers }, dispatcher: agent }))
}

/** POST of JSON. */
export async function postJson(sim: Simulator, path: string, value: unknown): Promise<Got> {
  return finish(await request(`${sim.url}${path}`, { method: 'POST', body: JSON.stringify(value), headers: { 'content-type': 'application/json' }, dispatcher: agent }))
}

/** An access token by client credentials. */
export async function clientToken(sim: Simulator): Promise<string> {
  const answer = await postForm(sim, '/oauth/token', { grant_type: 'client_credentials', client_id: C.clientId, client_secret: C.clientSecret })
  return (JSON.parse(answer.text) as { access_token: string }).access_token
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
export const basic = (user: string, password: string) => ({ authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` })
export const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, ms))

async function finish(answer: Awaited<ReturnType<typeof request>>): Promise<Got> {
  const headers = Object.fromEntries(Object.entries(answer.headers).map(([name, value]) => [name, String(value)]))
  return { status: answer.statusCode, headers, text: await answer.body.text() }
}
