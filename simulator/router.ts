import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ControlDeps } from './control.ts'
import { controlRoute } from './control.ts'
import type { DataRequest, DataRoute } from './data-route.ts'
import { latency } from './data-route.ts'
import type { CollectionName } from './data/types.ts'
import type { Answer } from './http/answer.ts'
import { errorAnswer, jsonAnswer, Refusal } from './http/answer.ts'
import { faultOf, statusFault } from './http/faults.ts'
import type { BodyFault } from './http/fault-kinds.ts'
import { misbehave } from './http/misbehave.ts'
import { send } from './http/send.ts'
import { authorizeEndpoint } from './oauth/authorize.ts'
import type { OAuthDeps } from './oauth/endpoint.ts'
import { oauthMetadata, revokeEndpoint, tokenEndpoint } from './oauth/endpoint.ts'
import { sinkPath, type SinkRoute } from './sink/route.ts'

const DATA = /^\/(page|offset|cursor|link|nexturl|v1)\/(customers|invoices|transactions)(?:\/([^/]{1,40}))?$/
const HOST = /^[\w.-]+(:\d+)?$|^\[[\da-f:]+\](:\d+)?$/i
const OTHER_METHODS: Record<string, string> = { '/oauth/token': 'POST', '/oauth/revoke': 'POST', '/oauth/authorize': 'GET', '/.well-known/oauth-authorization-server': 'GET', '/': 'GET' }

/** Sends each request where it belongs. */
export class Router {
  readonly #control: ControlDeps
  readonly #oauth: OAuthDeps
  readonly #data: DataRoute
  readonly #sink: SinkRoute
  #tokenRequests = 0

  constructor(control: ControlDeps, oauth: OAuthDeps, data: DataRoute, sink: SinkRoute) {
    this.#control = control
    this.#oauth = oauth
    this.#data = data
    this.#sink = sink
  }

  async handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const target = req.url ?? '/'
    const mark = target.indexOf('?')
    const path = mark < 0 ? target : target.slice(0, mark)
    const params = new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1))
    try {
      if (path.startsWith('/_sim/')) return send(res, await controlRoute(req, path, this.#control))
      const m = DATA.exec(path)
      if (m && !(m[3] !== undefined && m[1] !== 'v1')) return await this.#dataRequest(req, res, m, params)
      const into = sinkPath(path)
      if (into) return await this.#sink.handle(req, res, params, into)
      await this.#other(req, res, path, params)
    } catch (error) {
      if (res.headersSent) res.destroy()
      else send(res, error instanceof Refusal ? error.answer : errorAnswer(500, 'internal', error instanceof Error ? error.message : 'unknown'))
    }
  }

  async #dataRequest(req: IncomingMessage, res: ServerResponse, m: RegExpExecArray, params: URLSearchParams): Promise<void> {
    const { recorder } = this.#control
    const path = `/${m[1]!}/${m[2]!}`
    recorder.request(m[3] === undefined ? path : `${path}/:id`)
    if (req.method !== 'GET') {
      recorder.status(405)
      return send(res, errorAnswer(405, 'method_not_allowed', 'data is read with GET', { Allow: 'GET' }))
    }
    await this.#data.handle(req, res, { style: m[1] as DataRequest['style'], collection: m[2] as CollectionName, id: m[3] ?? null, params, url: `${origin(req)}${path}` })
  }

  async #other(req: IncomingMessage, res: ServerResponse, path: string, params: URLSearchParams): Promise<void> {
    const { recorder, config } = this.#control
    const method = OTHER_METHODS[path]
    recorder.request(method ? path : 'other')
    const answer = method === undefined || method === req.method ? await this.#answer(req, path, params) : errorAnswer(405, 'method_not_allowed', `${path} takes ${method}`, { Allow: method })
    await latency(config)
    if (res.destroyed) return
    const fault = path === '/oauth/token' ? faultOf({ ...config, faults: {}, faultAt: config.tokenFaultAt }, ++this.#tokenRequests) : null
    if (fault) recorder.fault(fault)
    const instead = fault && statusFault(fault, config)
    if (fault !== 'hang' && fault !== 'reset') recorder.status(instead ? instead.answer.status : answer.status)
    if (fault && !instead) return misbehave(fault as BodyFault, res, answer, config.slowMs)
    send(res, instead ? instead.answer : answer)
  }

  async #answer(req: IncomingMessage, path: string, params: URLSearchParams): Promise<Answer> {
    try {
      switch (path) {
        case '/oauth/token':
          return await tokenEndpoint(req, origin(req), this.#oauth)
        case '/oauth/revoke':
          return await revokeEndpoint(req, origin(req), this.#oauth)
        case '/oauth/authorize':
          return authorizeEndpoint(params, this.#oauth)
        case '/.well-known/oauth-authorization-server':
          return oauthMetadata(origin(req))
        case '/':
          return jsonAnswer(200, { name: 'Isthmus simulator', routes: ['/page', '/offset', '/cursor', '/link', '/nexturl', '/v1'].flatMap((s) => ['customers', 'invoices', 'transactions'].map((c) => `${s}/${c}`)).concat('/sink/{collection}') })
        default:
          return errorAnswer(404, 'not_found', `there is no ${path}`)
      }
    } catch (error) {
      if (error instanceof Refusal) return error.answer
      throw error
    }
  }
}

/** The address the client used, so that links work through a proxy too. */
function origin(req: IncomingMessage): string {
  const host = req.headers.host ?? ''
  return `http://${HOST.test(host) ? host : `127.0.0.1:${req.socket.localPort}`}`
}
