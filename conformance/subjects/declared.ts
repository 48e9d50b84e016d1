import { actionSchema, IsthmusError, sourceSchema } from '../../model/index.ts'
import type { Action, Source } from '../../model/index.ts'
import type { Connector, StreamRef } from '../../connectors/index.ts'
import { isEntityWrite, startODataSink } from '../acting/odata.ts'
import { startSoapSink } from '../acting/soap.ts'
import type { ActingSubject } from '../acting/types.ts'
import type { Subject } from '../types.ts'
import { doubleSubject } from './double.ts'
import { noFile, soapSubject } from './soap.ts'

/** What a connector declares, as subjects `connector/stream` and `connector/action`. */
export function declaredSubjects(connector: Connector, projectDir: string): { streams: Subject[]; actions: ActingSubject[] } {
  return {
    streams: connector.streams.map((name) => streamSubject(`${connector.id}/${name}`, connector.stream(name), projectDir)),
    actions: connector.actions.map(({ name }) => {
      const ref = connector.action(name)
      const source = sourceSchema.parse(ref.source)
      const action = actionSchema.parse(ref.action)
      return { name: `${connector.id}/${name}`, source, action, key: ref.key ?? keyOf({ ...ref.action, body: [ref.action.body, ref.action.soap?.args, ref.action.graphql?.variables] }), ...serverOf(source, action, projectDir) }
    }),
  }
}

/** What answers an action. */
function serverOf(source: Source, action: Action, projectDir: string): Pick<ActingSubject, 'server' | 'start' | 'missing' | 'projectDir'> {
  if (source.kind === 'soap') return { server: 'soap library', start: startSoapSink, projectDir, missing: noFile(source.soap?.wsdl) }
  return source.kind === 'odata' && isEntityWrite(action) ? { start: startODataSink } : {}
}

/** A stream of a connector or sync. */
export function streamSubject(name: string, { source, stream }: StreamRef, projectDir: string): Subject {
  const kind = source.kind ?? 'rest'
  if (kind === 'soap') return soapSubject(name, source, stream, projectDir)
  if (kind === 'postgres' || kind === 'file') return { name, server: 'double', missing: kind === 'file' ? 'it reads a file of yours: the subject `file` covers that' : 'its query runs in your database: the subject `sql` covers that', start: never }
  return doubleSubject(name, source, stream)
}

function never(): Promise<never> {
  return Promise.reject(new IsthmusError('InvalidInput', 'the subject cannot run'))
}

/** The column of a record's address, or the only one there is. */
function keyOf({ path = '', body }: { path?: string; body?: unknown }): string[] {
  const names = [...new Set([...`${path} ${JSON.stringify(body ?? null)}`.matchAll(/\{([A-Za-z_]\w*)\}/g)].map((m) => m[1]!))]
  return names.length > 0 ? [names[0]!] : ['id']
}
