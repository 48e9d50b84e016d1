import type { ErrorType } from './errors.ts'
import type { Token } from './ports.ts'
import type { StoredValues } from './value.ts'

/** Connections in the store: what they sign in with (sealed) and how they are. */

export interface ConnectionInfo {
  /** Name of the connection, as `connection` of a source; also the name of its account in the pacer. */
  id: string
  /** Connector it was made for; '' for one that only syncs describe. */
  connector: string
  /** Sign-in method of the connector. */
  method: string
  settings: Record<string, string>
  /** NAMES of its credentials, never their values. */
  credentials: string[]
  createdAt: Date
  updatedAt: Date
}

/** How a connection is, as its calls have told. */
export interface ConnectionHealth {
  connection: string
  state: 'ok' | 'needsReconnect'
  /** Why a person has to sign in again; '' while `ok`. */
  reason: string
  since: Date | null
  lastSuccessAt: Date | null
  lastErrorAt: Date | null
  lastErrorType: ErrorType | null
  /** Redacted. */
  lastErrorMessage: string
  /** The circuit breaker of its account is open: why; '' when it is closed. */
  breaker: string
  /** The API has asked to wait until then; null when it has not. */
  pausedUntil: Date | null
}

export interface ConnectionStore {
  /** Stores a connection, or exchanges what is stored under its id. Credentials are sealed for this id and their field. */
  saveConnection(connection: Pick<ConnectionInfo, 'id' | 'connector' | 'method'> & StoredValues): Promise<void>
  getConnection(id: string): Promise<ConnectionInfo | null>
  /** By id. */
  listConnections(): Promise<ConnectionInfo[]>
  /** Settings and opened credentials; null when nothing is stored. Every credential is known to the process's redactor afterwards. */
  connectionValues(id: string): Promise<StoredValues | null>
  /** Removes a connection with its tokens and health. False when there was none. */
  removeConnection(id: string): Promise<boolean>
  /**
   * Stores tokens that a person has just got by signing in, as the next version: what was lost before is forgotten, callers that wait go on.
   * `tokenKey` as for `refreshToken`.
   */
  putToken(tokenKey: string, token: Omit<Token, 'version'>): Promise<Token>
  /** Health of all connections that have called, or of the one named. */
  connectionHealth(id?: string): Promise<ConnectionHealth[]>
  /** Merges into the health of a connection. An unchanged state is cheap to tell again. */
  noteHealth(connection: string, health: Partial<Omit<ConnectionHealth, 'connection' | 'breaker' | 'pausedUntil'>>): Promise<void>
}

/** A link by which a person sets up a connection in a browser. `content` is the caller's; it is kept sealed. */
export interface ConnectLinkStore {
  /** Stores a link that works once within ten minutes, and gives what opens it. */
  createConnectLink(content: string): Promise<{ link: string; expiresAt: Date }>
  /** What a link holds. The first browser that opens it is the only one; null when it has lapsed, was used, or belongs to another browser. */
  openConnectLink(link: string, browser: string): Promise<string | null>
  /** Replaces what a link holds, and notes the state with which its browser is sent away. */
  updateConnectLink(link: string, content: string, state: string): Promise<void>
  /** Takes a link for good, by the state its browser came back with; null as above. */
  takeConnectLink(state: string, browser: string): Promise<string | null>
  /** Takes a link for good without a state. False when somebody else has. */
  useConnectLink(link: string): Promise<boolean>
}

/** Keys that payloads of Temporal are encrypted with (AES-256). Older ones still open what they closed. */
export interface PayloadKeys {
  current: { id: string; key: Buffer }
  /** null when this store never had a key of that id. */
  get(id: string): Promise<Buffer | null>
}
