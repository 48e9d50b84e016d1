import type { Command } from 'commander'

/** Every command by its name, in the order of the help. A module is loaded when its command is called: all of them take more than a second. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  init: async () => (await import('./init.ts')).initCommand(),
  dev: async () => (await import('./dev.ts')).devCommand(),
  connect: async () => (await import('./connect.ts')).connectCommand(),
  connections: async () => (await import('./connections.ts')).connectionsCommand(),
  vault: async () => (await import('./vault.ts')).vaultCommand(),
  plan: async () => (await import('./plan.ts')).planCommand(),
  peek: async () => (await import('./peek.ts')).peekCommand(),
  run: async () => (await import('./run.ts')).runCommand(),
  backfill: async () => (await import('./backfill/index.ts')).backfillCommand(),
  post: async () => (await import('./post.ts')).postCommand(),
  status: async () => (await import('./inspect.ts')).statusCommand(),
  list: async () => (await import('./list.ts')).listCommand(),
  logs: async () => (await import('./inspect.ts')).logsCommand(),
  health: async () => (await import('./health.ts')).healthCommand(),
  alerts: async () => (await import('./alerts.ts')).alertsCommand(),
  pause: async () => (await import('./operate.ts')).pauseCommand(),
  resume: async () => (await import('./operate.ts')).resumeCommand(),
  retry: async () => (await import('./operate.ts')).retryCommand(),
  approve: async () => (await import('./operate.ts')).approveCommand(),
  skip: async () => (await import('./operate.ts')).skipCommand(),
  cancel: async () => (await import('./inspect.ts')).cancelCommand(),
  deploy: async () => (await import('./deploy.ts')).deployCommand(),
  schedules: async () => (await import('./schedules.ts')).schedulesCommand(),
  rejects: async () => (await import('./rejects.ts')).rejectsCommand(),
  remap: async () => (await import('./remap.ts')).remapCommand(),
  sql: async () => (await import('./sql.ts')).sqlCommand(),
  serve: async () => (await import('./serve.ts')).serveCommand(),
  keys: async () => (await import('./keys.ts')).keysCommand(),
  codec: async () => (await import('./codec.ts')).codecCommand(),
  worker: async () => (await import('./worker.ts')).workerCommand(),
  simulate: async () => (await import('../../simulator/index.ts')).simulateCommand(),
  conformance: async () => (await import('./conformance.ts')).conformanceCommand(),
}

/** The commands that a line of arguments (without the program's name) can mean: the one it names; all of them when it asks for help or names none. */
export async function commandsFor(args: readonly string[]): Promise<Command[]> {
  if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) return []
  const [word] = args.filter((a) => !a.startsWith('-'))
  const named = word !== undefined && Object.hasOwn(COMMANDS, word) ? [COMMANDS[word]!] : Object.values(COMMANDS)
  return Promise.all(named.map((make) => make()))
}
