import { readFile, realpath, stat } from 'node:fs/promises'
import { isAbsolute, join, posix, relative, sep } from 'node:path'
import { IsthmusError } from '../../model/index.ts'
import type { Http, HttpTarget } from '../http/index.ts'
import type { ThreadData, WsdlDocument } from './types.ts'

/** Stands for the project's folder in the addresses of documents; nothing is ever asked there. */
const PROJECT = 'http://project.invalid/'
const MAX_DOCUMENTS = 500
const MAX_BYTES = 64 * 1024 * 1024
/** Schemas of standards, which WSDLs name and nobody needs: they are part of what reads the WSDL. */
const STANDARD = /^https?:\/\/(?:schemas\.xmlsoap\.org|www\.w3\.org|ws-i\.org|docs\.oasis-open\.org|xml\.apache\.org)\//i
const FIELD = 'from.soap.wsdl'

export interface DocumentOptions {
  /** A file relative to the project, or an address. */
  wsdl: string
  projectDir: string
  http: Http
  /** Adds credentials to a request for a document. */
  sign(target: HttpTarget): void
}

/**
 * A WSDL with all that it imports and includes. Files are read below the project's folder only, addresses asked at the connection's origins only.
 * Throws InvalidInput, ForeignOrigin, BlockedAddress, Unreachable, Transient or Contract, naming the document.
 */
export async function loadDocuments(options: DocumentOptions): Promise<ThreadData> {
  const { wsdl } = options
  const root = /^https?:\/\//i.test(wsdl) ? new URL(wsdl).href : projectAddress('', wsdl)
  const documents: WsdlDocument[] = []
  const queue = [root]
  const seen = new Set(queue)
  let bytes = 0
  for (let uri = queue.shift(); uri !== undefined; uri = queue.shift()) {
    const raw = uri.startsWith(PROJECT) ? await readProjectFile(options.projectDir, decodeURI(uri.slice(PROJECT.length))) : await get(uri, options)
    bytes += raw.length
    if (bytes > MAX_BYTES || documents.length >= MAX_DOCUMENTS) throw new IsthmusError('PageTooLarge', `the WSDL is larger than ${MAX_BYTES >> 20} MB or ${MAX_DOCUMENTS} documents`, { field: FIELD })
    const text = textOf(raw)
    if (/<!DOCTYPE/i.test(text)) throw new IsthmusError('Contract', `${shown(uri)} has a DOCTYPE, which is not read`, { field: FIELD, cure: 'take it out, or get the WSDL from the system again' })
    documents.push([uri, text])
    for (const location of locationsIn(text)) {
      const next = follow(uri, location)
      if (next === null || seen.has(next)) continue
      seen.add(next)
      queue.push(next)
    }
  }
  return { root, documents }
}

/** The address that a document names; null for a standard's. */
function follow(from: string, location: string): string | null {
  if (/^https?:\/\//i.test(location)) return STANDARD.test(location) ? null : new URL(location).href
  if (from.startsWith(PROJECT)) return projectAddress(posix.dirname(decodeURI(from.slice(PROJECT.length))), location)
  if (/^[a-z][a-z0-9+.-]*:/i.test(location)) throw outside(location)
  return new URL(location, from).href
}

/** A file of the project as an address. Throws InvalidInput when it lies outside. */
function projectAddress(folder: string, path: string): string {
  const plain = path.replaceAll('\\', '/')
  const file = posix.normalize(posix.join(folder, plain))
  if (plain === '' || plain.startsWith('/') || /^[a-z][a-z0-9+.-]*:/i.test(plain) || file === '..' || file.startsWith('../') || plain.includes('\0')) throw outside(path)
  return PROJECT + encodeURI(file).replaceAll('?', '%3F').replaceAll('#', '%23')
}

function outside(path: string): IsthmusError {
  return new IsthmusError('InvalidInput', `the WSDL names ${JSON.stringify(path.slice(0, 200))}, which is not a file of the project`, { field: FIELD, cure: 'put the file into the project and name it by its path there' })
}

async function readProjectFile(projectDir: string, file: string): Promise<Buffer> {
  const path = join(projectDir, decodeURIComponent(file))
  const [base, real] = await Promise.all([realpath(projectDir), realpath(path).catch(() => null)])
  if (real === null) throw new IsthmusError('InvalidInput', `there is no file ${file}`, { field: FIELD, cure: 'name the file relative to the project' })
  const inside = relative(base, real)
  if (inside.startsWith(`..${sep}`) || inside === '..' || isAbsolute(inside)) throw outside(file)
  const { size } = await stat(real)
  if (size > MAX_BYTES) throw new IsthmusError('PageTooLarge', `${file} is larger than ${MAX_BYTES >> 20} MB`, { field: FIELD })
  return readFile(real)
}

async function get(uri: string, { http, sign }: DocumentOptions): Promise<Buffer> {
  const field = FIELD
  try {
    const { status, body } = await http.request({ url: http.allow(uri), headers: { accept: 'text/xml, application/xml, application/wsdl+xml, */*;q=0.1' }, sign, maxBytes: MAX_BYTES })
    if (status === 401 || status === 403) throw new IsthmusError('AuthFailed', `${shown(uri)} answers HTTP ${status}`, { field, status, cure: 'correct the credentials, or put the WSDL into the project as a file' })
    if (status === 408 || status === 429 || status >= 500) throw new IsthmusError('Transient', `${shown(uri)} answers HTTP ${status}`, { field, status })
    if (status !== 200) throw new IsthmusError('InvalidInput', `${shown(uri)} answers HTTP ${status}`, { field, status, cure: 'correct the address of the WSDL' })
    return body
  } catch (error) {
    if (!(error instanceof IsthmusError) || error.field === field) throw error
    const cure = error.type === 'ForeignOrigin' ? 'list the origin in `origins` if it is trusted, or put the file into the project' : error.cure
    throw new IsthmusError(error.type, `the WSDL at ${shown(uri)}: ${error.message}`, { field, cure, status: error.status })
  }
}

function shown(uri: string): string {
  return uri.startsWith(PROJECT) ? decodeURI(uri.slice(PROJECT.length)) : uri.replace(/[?#].*$/, '').slice(0, 200)
}

/** What a document imports and includes (WSDL 1.1, 2.1.1; XML Schema 4.2). */
function locationsIn(text: string): string[] {
  const found: string[] = []
  for (const [, attributes] of text.replace(/<!--[\s\S]*?-->/g, '').matchAll(/<(?:[\w.-]+:)?(?:import|include|redefine)\s([^>]*)>/g)) {
    const location = /(?:^|\s)(?:schemaLocation|location)\s*=\s*("([^"]*)"|'([^']*)')/.exec(attributes!)
    const value = (location?.[2] ?? location?.[3])?.trim()
    if (value) found.push(value.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" })[name]!))
  }
  return found
}

/** By byte order mark and XML prolog (XML 1.0, F.1); UTF-8 else. */
function textOf(raw: Buffer): string {
  const wide = raw[0] === 0xff && raw[1] === 0xfe ? 'utf-16le' : raw[0] === 0xfe && raw[1] === 0xff ? 'utf-16be' : null
  const named = /^[^>]*?encoding\s*=\s*["']([\w.:-]{1,40})["']/.exec(raw.toString('latin1', 0, 200))?.[1]
  try {
    return new TextDecoder(wide ?? named ?? 'utf-8').decode(raw)
  } catch {
    throw new IsthmusError('Contract', `the WSDL is written in ${named}, which cannot be read`, { field: FIELD })
  }
}

