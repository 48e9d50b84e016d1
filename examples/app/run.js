#!/usr/bin/env node
// `npm run example:app`: starts what the app needs, and the app.
import { parseArgs } from 'node:util'
import pc from 'picocolors'
import { say, stand } from '../stand.js'
import { createApp, serve } from './server.js'

const { values } = parseArgs({ options: { port: { type: 'string', default: '3000' }, help: { type: 'boolean', short: 'h', default: false } } })
if (values.help) console.log('npm run example:app -- [--port 3000]\n  an app with a button that starts a sync and shows its progress; Ctrl-C stops all of it. Port 0 takes a free one.')
else {
  await stand(import.meta.url, { customers: 4_000 }, ({ isthmus, signal }) =>
    serve(createApp(isthmus), {
      port: Number(values.port), signal,
      ready: (url) => {
        say(`\n${pc.green('ready')}  open ${pc.cyan(url)} and press "Sync now". Ctrl-C stops.`)
        console.log(url)
      },
    }),
  )
}
