import { IsthmusError } from '../../model/errors.ts'
import type { Store } from '../../model/ports.ts'
import { withTenant } from '../../model/tenant.ts'
import { beginAuthorization, finishAuthorization, type PendingAuthorization } from '../../protocols/auth/consent/index.ts'
import type { ConnectOptions } from '../connections.ts'
import { checkConnectionName, complete, openConnect, type Connected, type ConnectRequest } from './connect.ts'
import { missing } from './given.ts'
import { questionsOf, type Question } from './questions.ts'
import { connectTarget, methodOf } from './target.ts'

/** What an app asks a person to set up. */
export interface LinkRequest {
  /** A connector, or a connection that syncs describe. */
  system: string
  /** Name of the connection. Default: that of the system. */
  connection?: string
  /** The customer whose account it is: the connection is `<connection>@<tenant>`. */
  tenant?: string
  method?: string
  /** Answers the app knows already. The person is asked for the others. */
  settings?: Record<string, string>
  /** Where the person is sent afterwards, with `connection` and `status=connected`; https, or this machine. */
  returnUrl?: string
}

interface Content extends Required<Omit<LinkRequest, 'method' | 'tenant'>> {
  method: string
  /** What the person has answered, while the provider asks for consent. */
  answers: { settings: Record<string, string>; credentials: Record<string, string> } | null
  pending: PendingAuthorization | null
}

/** What a browser is shown. */
export type LinkStep =
  | { kind: 'form'; title: string; docs: string; questions: Question[]; error: string }
  | { kind: 'consent'; url: string }
  | { kind: 'done'; connected: Connected; returnUrl: string }
  /** It lapsed, was used, or belongs to another browser. */
  | { kind: 'gone' }

interface Context {
  projectDir: string
  store(): Promise<Store>
  reconnected(connection: string): Promise<string[]>
  prepare(system: string, options: Omit<ConnectOptions, 'person'>): Promise<Omit<ConnectRequest, 'person'>>
}

/** Hosted connecting: a link works once, for ten minutes, in the browser that opened it first. The steps are those of `isthmus connect`. */
export class ConnectLinks {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /** Makes a link. Throws NotFound or InvalidInput when it could not work. */
  async create(request: LinkRequest): Promise<{ link: string; expiresAt: Date; connection: string }> {
    const target = await connectTarget(this.#context.projectDir, request.system)
    const connection = withTenant(request.connection ?? target.id, request.tenant)
    checkConnectionName(connection)
    const { name: method } = methodOf(target, request.method)
    const settings = request.settings ?? {}
    const unknown = Object.keys(settings).find((name) => !(name in target.settings.shape))
    if (unknown !== undefined) throw new IsthmusError('InvalidInput', `nothing is called "${unknown.slice(0, 60)}" here`, { field: 'settings', cure: `use ${Object.keys(target.settings.shape).join(', ') || 'none'}` })
    const content: Content = { system: request.system, connection, method, settings, returnUrl: checkReturn(request.returnUrl ?? ''), answers: null, pending: null }
    const made = await (await this.#context.store()).createConnectLink(JSON.stringify(content))
    return { ...made, connection }
  }

  /** The first step in a browser. */
  async open(link: string, browser: string, redirectUri: string): Promise<LinkStep> {
    const content = await this.#content(link, browser)
    if (!content) return { kind: 'gone' }
    const form = await this.#form(content, '')
    return form.questions.length > 0 ? form : this.answer(link, browser, {}, redirectUri)
  }

  /** Takes what a person has entered. */
  async answer(link: string, browser: string, given: Record<string, string>, redirectUri: string): Promise<LinkStep> {
    const content = await this.#content(link, browser)
    if (!content) return { kind: 'gone' }
    const form = await this.#form(content, '')
    const pick = (secret: boolean): Record<string, string> => Object.fromEntries(form.questions.filter((q) => q.secret === secret && given[q.name]).map((q) => [q.name, given[q.name]!]))
    const lacking = missing(form.questions, given)
    if (lacking.length > 0) return { ...form, error: `${lacking.map((q) => q.text).join(', ')}: needed` }
    const answers = { settings: { ...content.settings, ...pick(false) }, credentials: pick(true) }
    try {
      const request = await this.#request(content, answers)
      const opened = openConnect(request)
      try {
        const { auth } = opened.source
        if (auth.kind === 'oauth2AuthorizationCode') {
          const { url, pending } = await beginAuthorization(auth, opened.deps, { redirectUri })
          await (await this.#context.store()).updateConnectLink(link, JSON.stringify({ ...content, answers, pending } satisfies Content), pending.state)
          return { kind: 'consent', url }
        }
        if (auth.kind === 'oauth2DeviceCode') throw new IsthmusError('InvalidInput', 'this way to sign in works from the command line only', { cure: 'use `isthmus connect`' })
        const connected = await complete(await this.#context.store(), request, opened, null)
        await (await this.#context.store()).useConnectLink(link)
        return await this.#done(content, connected)
      } finally {
        await opened.reader.close()
      }
    } catch (error) {
      if (error instanceof IsthmusError) return { ...form, error: opaque(error) }
      throw error
    }
  }

  /** The browser's return from the provider. Throws AuthFailed and the like when nothing came of it; the link is used up. */
  async callback(address: URL, browser: string): Promise<LinkStep> {
    const state = address.searchParams.get('state') ?? ''
    const text = state === '' ? null : await (await this.#context.store()).takeConnectLink(state, browser)
    if (text === null) return { kind: 'gone' }
    const content = JSON.parse(text) as Content
    const request = await this.#request(content, content.answers!)
    const opened = openConnect(request)
    try {
      const { auth } = opened.source
      if (auth.kind !== 'oauth2AuthorizationCode' || !content.pending) return { kind: 'gone' }
      const token = await finishAuthorization(auth, opened.deps, content.pending, address, request.signal)
      return await this.#done(content, await complete(await this.#context.store(), request, opened, token))
    } finally {
      await opened.reader.close()
    }
  }

  async #done(content: Content, connected: Connected): Promise<LinkStep> {
    await this.#context.reconnected(connected.connection)
    return { kind: 'done', connected, returnUrl: content.returnUrl }
  }

  async #content(link: string, browser: string): Promise<Content | null> {
    const text = await (await this.#context.store()).openConnectLink(link, browser)
    return text === null ? null : (JSON.parse(text) as Content)
  }

  async #form(content: Content, error: string): Promise<Extract<LinkStep, { kind: 'form' }>> {
    const target = await connectTarget(this.#context.projectDir, content.system)
    const { method } = methodOf(target, content.method)
    const questions = [...questionsOf(target.settings, false).filter((q) => content.settings[q.name] === undefined), ...questionsOf(method.credentials, true)]
    return { kind: 'form', title: target.title, docs: target.docs, questions, error }
  }

  #request(content: Content, answers: NonNullable<Content['answers']>): Promise<Omit<ConnectRequest, 'person'>> {
    return this.#context.prepare(content.system, { as: content.connection, method: content.method, ...answers, signal: AbortSignal.timeout(60_000) })
  }
}

/** What a stranger's browser is told of an error: what is wrong, nothing of the project. */
function opaque(error: IsthmusError): string {
  return error.message.slice(0, 300)
}

function checkReturn(address: string): string {
  if (address === '') return ''
  const url = URL.canParse(address) ? new URL(address) : null
  const local = url?.protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)
  if (url && (url.protocol === 'https:' || local) && !url.username && !url.password) return url.href
  throw new IsthmusError('InvalidInput', 'the return address is not https', { field: 'returnUrl', cure: 'write it as https://app.example.com/done' })
}
