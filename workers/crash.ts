import { redactor } from '../model/redact/index.ts'

/** Lets a fault that nobody caught end the process as it would by default, but told without secrets: Node prints errors as they are. */
export function tellCrashes(tell: (text: string) => void): void {
  process.on('uncaughtException', (error: unknown) => {
    try {
      tell(crashText(error))
    } finally {
      process.exit(1)
    }
  })
}

/** What is shown of an error that nobody expected: its stack, redacted. */
export function crashText(error: unknown): string {
  return redactor.text(error instanceof Error ? (error.stack ?? `${error.name}: ${error.message}`) : String(error))
}
