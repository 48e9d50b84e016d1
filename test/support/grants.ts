import { createHash, randomBytes } from 'node:crypto'
import { SIMULATOR_CREDENTIALS as C } from '../../simulator/index.ts'

/** Consent given anew at the simulator (authorization code with PKCE): a refresh token of a family of its own. */
export async function newGrant(url: string): Promise<string> {
  const verifier = randomBytes(32).toString('base64url')
  const redirect = 'http://127.0.0.1:9/callback'
  const query = new URLSearchParams({
    response_type: 'code', client_id: C.clientId, redirect_uri: redirect, code_challenge_method: 'S256',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
  })
  const asked = await fetch(`${url}/oauth/authorize?${query.toString()}`, { redirect: 'manual' })
  const code = new URL(asked.headers.get('location')!).searchParams.get('code')!
  const answer = await fetch(`${url}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: redirect, code_verifier: verifier, client_id: C.clientId, client_secret: C.clientSecret }),
  })
  return ((await answer.json()) as { refresh_token: string }).refresh_token
}
