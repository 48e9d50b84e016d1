import { Command, Option } from 'commander'
import { IsthmusError } from '../../model/errors.ts'
import { withTenant } from '../../model/tenant.ts'
import { projectEnvironment } from '../../project/index.ts'
import { checkConnectionName, connectTarget, givenAnswers, methodOf, missing, questionsOf, stdinAnswers, type ConnectTarget, type Person, type Question } from '../connect/index.ts'
import type { Connections } from '../connections.ts'
import { action, projectOption } from './action.ts'
import { interruption } from './interrupt.ts'
import { EXIT, plain, type Output } from './output.ts'
import { ask, canAsk, choose } from './prompts.ts'
import { withConnections } from './with-connections.ts'

const browse = async (url: string): Promise<unknown> => (await import('open')).default(url)

export interface ConnectFlags {
  as?: string
  tenant?: string
  method?: string
  set?: string[]
  stdin?: boolean
  check: boolean
  browser: boolean
  json?: boolean
  project: string
}

/** `isthmus connect <system>`: signs in at a system and stores the connection. */
export function connectCommand(): Command {
  return new Command('connect')
    .description('set up a connection: asks for what the system needs, signs in, makes one call to see that it works, stores it sealed')
    .argument('<system>', 'a connector (connectors/<system>.ts, or hubspot, netsuite, quickbooks, salesforce, stripe), or the connection of a sync')
    .option('--as <name>', 'name of the connection; default: that of the system')
    .option('--tenant <name>', 'the customer whose account it is: the connection is <name>@<tenant>')
    .option('--method <name>', 'way to sign in, where there are several')
    .addOption(setOption())
    .option('--stdin', 'read answers from standard input, as a JSON object')
    .option('--no-check', 'store it without calling the system')
    .option('--no-browser', 'print the address to sign in at; do not open it')
    .option('--json', 'one JSON line; asks nothing')
    .addOption(projectOption())
    .addHelpText('after', '\nSecrets are never taken from the command line, where others can read them: use env:NAME, @file or --stdin.\nExit code: 0 stored, 2 refused (nothing has changed), 130 stopped.')
    .action(
      action((output, system: string, flags: ConnectFlags) =>
        withConnections(output, flags.project, async (connections) => {
          const target = await connectTarget(flags.project, system)
          return connectWith(output, connections, system, target, flags, false)
        }),
      ),
    )
}

export function setOption(): Option {
  return new Option('--set <name=value...>', 'answers: name=value, name=@file or name=env:NAME')
}

/** Collects what is not known yet, connects, and tells what came of it. `anew`: credentials that are stored are not taken over. */
export async function connectWith(output: Output, connections: Connections, system: string, target: ConnectTarget, flags: ConnectFlags, anew: boolean): Promise<number> {
  const id = withTenant(flags.as ?? target.id, flags.tenant)
  checkConnectionName(id)
  const stored = (await connections.list()).find((c) => c.connection === id && c.stored)
  const asking = !flags.json && !flags.stdin && canAsk()
  const chosen = flags.method ?? (stored?.method || (asking ? await chooseMethod(target) : undefined))
  const { name, method } = methodOf(target, chosen)
  const settings = questionsOf(target.settings, false)
  const credentials = questionsOf(method.credentials, true)
  const questions = [...settings, ...credentials]
  const given = await givenAnswers(flags.set ?? [], questions, projectEnvironment(flags.project), flags.project)
  const answers: Record<string, string> = flags.stdin ? { ...(await stdinAnswers(process.stdin, questions)), ...given } : given
  // What is stored stays, unless it is to be given anew.
  const kept = (q: Question): boolean => stored !== undefined && stored.method === name && (q.secret ? !anew && stored.credentials.includes(q.name) : stored.settings[q.name] !== undefined)
  const open = missing(questions, answers).filter((q) => !kept(q))
  if (open.length > 0 && !asking) {
    throw new IsthmusError('InvalidInput', `${target.title} needs ${open.map((q) => `${q.name} (${q.text})`).join(', ')}`, {
      field: '--set', cure: `give ${open.map((q) => `--set ${q.name}=${q.secret ? 'env:NAME' : '...'}`).join(' ')}, or JSON to --stdin${target.docs ? `; see ${target.docs}` : ''}`,
    })
  }
  if (asking && open.length > 0 && target.docs) output.err(output.color.dim(`where to find these: ${target.docs}`))
  for (const q of asking ? questions.filter((q) => answers[q.name] === undefined && !(kept(q) && !open.includes(q)) && (q.required || !q.secret)) : []) answers[q.name] = await ask(q, stored?.settings[q.name] ?? '')
  const pick = (list: Question[]): Record<string, string> => Object.fromEntries(list.flatMap((q) => (answers[q.name] === undefined ? [] : [[q.name, answers[q.name]!]])))
  const stop = interruption(() => output.err('stopping; nothing was stored'), () => undefined)
  try {
    const done = await connections.connect(system, { as: id, method: name, settings: pick(settings), credentials: pick(credentials), check: flags.check, person: personAt(output, flags.browser && !flags.json), signal: stop.signal })
    if (flags.json) output.json({ outcome: 'connected', ...done })
    else {
      output.out(`${output.color.green('connected')} ${plain(done.connection)}${done.checked ? `: the check was answered with HTTP ${done.checked.status} in ${done.checked.ms} ms` : ': stored, not checked'}`)
      if (done.resumed.length > 0) output.out(`going on: ${done.resumed.map(plain).join(', ')}`)
      if (done.token?.expiresAt) output.out(output.color.dim(`the access token is good until ${done.token.expiresAt}, and renewed by itself`))
    }
    return EXIT.ok
  } catch (error) {
    if (!stop.signal.aborted) throw error
    if (flags.json) output.json({ outcome: 'cancelled', connection: id })
    return EXIT.cancelled
  } finally {
    stop.end()
  }
}

async function chooseMethod(target: ConnectTarget): Promise<string | undefined> {
  const names = Object.entries(target.methods)
  if (names.length < 2) return undefined
  return choose(`How do you sign in to ${target.title}?`, names.map(([value, m]) => ({ value, name: m.title })))
}

function personAt(output: Output, browser: boolean): Person {
  return {
    visit(url) {
      // As it is: it holds the client's id, which may count as a credential, and has to work.
      process.stderr.write(`sign in here: ${url}\n`)
      if (browser) void browse(url).catch(() => undefined)
    },
    enter(code, url, expiresAt) {
      output.err(`enter the code ${output.color.bold(plain(code))} at ${plain(url)} (until ${expiresAt.toISOString()})`)
      if (browser && /^https?:/.test(url)) void browse(url).catch(() => undefined)
    },
  }
}
