import { connect, createServer } from 'node:net'
import { IsthmusError } from '../model/errors.ts'

/** True when nothing listens on 127.0.0.1:port. */
export async function portIsFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}

/** A port of 127.0.0.1 that is free now, chosen by the system. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ port: 0, host: '127.0.0.1', exclusive: true }, () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

/** The first free port of `wanted`, else any free one. */
export async function choosePort(...wanted: (number | undefined)[]): Promise<number> {
  for (const port of wanted) if (port !== undefined && (await portIsFree(port))) return port
  return freePort()
}

/** @throws IsthmusError Unreachable when something listens on the port where `server` was before. */
export async function mustBeFree(port: number, server: string): Promise<void> {
  if (await portIsFree(port)) return
  throw new IsthmusError('Unreachable', `port ${port}, where ${server} was, is taken by another program`, { cure: 'stop that program, or start `isthmus dev` again, which takes another port' })
}

/** True when something accepts a connection within `ms` (1 s by default). */
export async function portAnswers(host: string, port: number, ms = 1000): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(ms, () => end(false))
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
  })
}
