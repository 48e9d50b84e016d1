// An app of yours: a page with a button that starts a sync and shows how it goes on. Put your own sign-in before its routes.
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import express from 'express'
import { IsthmusError } from 'isthmus'

const SYNC = 'customers'
const STATUS = { NotFound: 404, InvalidInput: 422, AlreadyRunning: 409, RateLimited: 429, Unreachable: 503, Transient: 503 }

/** The routes of the app. `isthmus` is one `new Isthmus()` for the whole process. */
export function createApp(isthmus) {
  const app = express()
  app.use(express.json())

  app.get('/', (_request, response) => response.sendFile(fileURLToPath(new URL('page.html', import.meta.url))))

  // The browser names each click: when it asks again (a lost answer, a double click), it is given the same run.
  app.post('/sync', async (request, response) => {
    const run = await isthmus.syncs.start(SYNC, { idempotencyKey: String(request.body?.click ?? '') }).catch((error) => {
      // Somebody else's run is as good: it is followed instead.
      if (error instanceof IsthmusError && error.type === 'AlreadyRunning') return isthmus.syncs.get(SYNC)
      throw error
    })
    response.status(202).json({ run: run.run, ui: run.uiUrl })
  })

  app.get('/runs/:run/events', async (request, response) => {
    const run = await isthmus.syncs.get(request.params.run)
    const gone = new AbortController()
    response.on('close', () => gone.abort())
    response.set({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    Readable.from(run.events({ signal: gone.signal, lastEventId: request.get('last-event-id') })).pipe(response)
  })

  app.use((error, _request, response, _next) => {
    const known = error instanceof IsthmusError
    // Express's own say what is wrong with a request.
    const refused = error.expose === true
    response.status((known && STATUS[error.type]) || (refused && error.status) || 500).json({ type: known ? error.type : 'Error', message: known || refused ? error.message : 'something went wrong here', cure: known ? error.cure : undefined })
  })
  return app
}

/** Listens until the signal; open streams of events are cut then. */
export async function serve(app, { port, signal, ready }) {
  const server = app.listen(port, '127.0.0.1')
  await once(server, 'listening')
  ready(`http://127.0.0.1:${server.address().port}`)
  if (!signal.aborted) await once(signal, 'abort')
  server.closeAllConnections()
  server.close()
}
