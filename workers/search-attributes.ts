import type { Client } from '@temporalio/client'
import { SEARCH_ATTRIBUTES } from './queues.ts'

/** `temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD` */
const KEYWORD = 2

/** The search attributes of Isthmus that the namespace lacks or has with another type. */
export async function missingSearchAttributes(client: Client): Promise<string[]> {
  const { namespace } = client.options
  const { customAttributes } = await client.connection.operatorService.listSearchAttributes({ namespace })
  return SEARCH_ATTRIBUTES.filter((name) => customAttributes?.[name] !== KEYWORD)
}

/**
 * Adds the search attributes that are missing.
 * @returns null when all are there, else one sentence for the operator: they could not be added (Temporal Cloud and locked-down
 * servers refuse it), and how to.
 */
export async function ensureSearchAttributes(client: Client): Promise<string | null> {
  const { namespace } = client.options
  let missing: string[] = [...SEARCH_ATTRIBUTES]
  try {
    missing = await missingSearchAttributes(client)
    if (missing.length === 0) return null
    await client.connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map((name) => [name, KEYWORD])),
    })
    return null
  } catch (error) {
    const { details, message } = error as { details?: string; message: string }
    const again = await missingSearchAttributes(client).catch(() => missing)
    if (again.length === 0) return null
    const flags = again.map((name) => `--name ${name} --type Keyword`).join(' ')
    return (
      `The search attributes ${again.join(', ')} are not in namespace ${namespace} and could not be added (${details || message}). ` +
      `Cure: run \`temporal operator search-attribute create --namespace ${namespace} ${flags}\` with an account that may, or add them in Temporal Cloud's settings of the namespace.`
    )
  }
}
