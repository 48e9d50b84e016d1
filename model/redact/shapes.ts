/** Secrets told by how they look or what they are called, whoever made them. */

export const MASK = '***'

const SECRET_NAME = /cookie|key|token|secret|passw|pwd|auth|signature|credential|session|assertion|jwt|^(sig|code|pin|pass|sid)$/i

/** A name of a query parameter, header or field that usually carries a secret. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name)
}

/** Narrower than `isSecretName`: in prose and in the JSON of others a false alarm costs a reader the cause. */
const NAME = String.raw`[\w.-]{0,60}?(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|account[_-]?key|authorization|credentials?|signature|assertion|session[_-]?id|cookie|jwt|otp)`
const FIELD_NAME = new RegExp(`^(?:${NAME})$`, 'i')
/** Texts without any of these words need no look at names. */
const KEYWORD = /passw|passphrase|pwd|secret|token|key|authorization|credential|signature|assertion|session|cookie|jwt|otp/i
/** `"password": "..."`, also escaped inside another text, and single-quoted. */
const QUOTED = new RegExp(String.raw`(\\*["'])(${NAME})\1(\s*:\s*)(?:(\\*["'])(?:(?!(?<!\\)\4)[^\n])*(?:\4|(?=\n)|$)|[\w.+-]+)`, 'gi')
/** `password=...` in addresses, forms, command lines. */
const PAIR = new RegExp(String.raw`\b(${NAME})=(?!\*\*\*|env:[A-Za-z_])("[^"\n]*"|'[^'\n]*'|[\w%+/~!^$-][^\s&;,"'<>)\]}]*)`, 'gi')
/** Header lines. */
const HEADER = /(?<![\w.-])((?:proxy-)?authorization|(?:set-)?cookie|x-[a-z-]*(?:key|token|secret|signature)|api-?key)(["']?\s*:\s*["']?)([^\r\n"']+)/gi

const SCHEME = /\b(Bearer|Basic)\s+[A-Za-z0-9\-._~+/]{16,}=*/gi
const JWT = /\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*){0,3}/g
const USERINFO = /\b([a-z][a-z0-9+.-]{1,30}:\/\/)[^/\s"'?#<>]+@/gi
const PEM = /-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----|$)/g
/** Prefixes by which providers mark their keys, so that scanners find them. */
const MARKED = new RegExp(
  [
    String.raw`\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{8,}`, String.raw`\bwhsec_[A-Za-z0-9+/]{16,}`,
    String.raw`\bgh[pousr]_[A-Za-z0-9]{16,}`, String.raw`\bgithub_pat_\w{20,}`, String.raw`\bglpat-[\w-]{16,}`,
    String.raw`\bxox[a-z]-[A-Za-z0-9-]{10,}`, String.raw`\bxapp-[A-Za-z0-9-]{10,}`, String.raw`hooks\.slack\.com/services/[\w/]{10,}`,
    String.raw`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`, String.raw`\bAIza[\w-]{30,}`, String.raw`\bya29\.[\w-]{16,}`, String.raw`\bGOCSPX-[\w-]{16,}`,
    String.raw`\bSG\.[\w-]{16,}\.[\w-]{16,}`, String.raw`\bsk-(?:ant-|proj-)?[\w-]{20,}`, String.raw`\bshp(?:at|ca|pa|ss)_[A-Za-z0-9]{16,}`,
    String.raw`\bnpm_[A-Za-z0-9]{30,}`, String.raw`\bpypi-[\w-]{30,}`, String.raw`\bdop_v1_[a-f0-9]{32,}`, String.raw`\bhf_[A-Za-z0-9]{20,}`,
    String.raw`\bpat-(?:na|eu)\d-[a-f0-9-]{30,}`, String.raw`\bntn_[A-Za-z0-9]{30,}`, String.raw`\blin_api_[A-Za-z0-9]{20,}`, String.raw`\bsq0(?:atp|csp)-[\w-]{16,}`,
  ].join('|'),
  'g',
)

/** A field whose value is a secret by its name. */
export function isSecretField(name: string): boolean {
  return FIELD_NAME.test(name)
}

/** The text without what looks like a secret. */
export function byShape(text: string): string {
  let out = text
  if (out.includes('-----BEGIN')) out = out.replace(PEM, MASK)
  if (out.includes('://')) out = out.replace(USERINFO, '$1')
  out = out.replace(SCHEME, `$1 ${MASK}`).replace(MARKED, MASK)
  if (out.includes('eyJ')) out = out.replace(JWT, MASK)
  if (!KEYWORD.test(out)) return out
  if (out.includes(':')) out = out.replace(HEADER, `$1$2${MASK}`).replace(QUOTED, (_all, quote: string, name: string, colon: string, open?: string) => `${quote}${name}${quote}${colon}${open ?? ''}${MASK}${open ?? ''}`)
  if (out.includes('=')) out = out.replace(PAIR, `$1=${MASK}`)
  return out
}
