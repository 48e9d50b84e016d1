import type { Client } from '@temporalio/client'
import type { Dev, Project } from '../../support/cli.ts'

/** What a case records with: a project whose development servers are up, on a Temporal server that suggests early to continue as new. */
export interface Recording {
  /** Name of the case; also of its sync, its table and its files. */
  name: string
  project: Project
  dev: Dev
  client: Client
  /** Saves the history of a workflow, opened, from its first run on, or from the run `from`: `<name>.<kind>.json`, then `<name>.<kind>-2.json`, ... */
  save(workflowId: string, kind: string, from?: string): Promise<void>
}

/** Makes workflows do something, and saves their histories. */
export type Case = (recording: Recording) => Promise<void>
