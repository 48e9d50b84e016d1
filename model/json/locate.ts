/** Where and why a text is not JSON. Runs only after a parser refused it, to tell a person. */
export interface Fault {
  /** Index of the first character that cannot stand there. */
  index: number
  expected: string
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const TEXT = /"(?:[^"\\\u0000-\u001f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*/y
const WORD = /true|false|null/y
const SPACE = /[ \t\r\n]*/y

/** The first fault of `text` as JSON, or null. */
export function locate(text: string): Fault | null {
  let i = 0
  const open: ('{' | '[')[] = []
  const take = (re: RegExp): boolean => {
    re.lastIndex = i
    if (!re.test(text)) return false
    i = re.lastIndex
    return true
  }
  const string = (): boolean => {
    take(TEXT)
    if (text[i] !== '"') return false
    i++
    return true
  }
  let state: 'value' | 'firstValue' | 'key' | 'firstKey' | 'after' = 'value'
  for (;;) {
    take(SPACE)
    const c = text[i]
    if (state === 'after') {
      const top = open[open.length - 1]
      if (top === undefined) return i === text.length ? null : { index: i, expected: 'the end' }
      const close = top === '{' ? '}' : ']'
      if (c === close) open.pop()
      else if (c === ',') state = top === '{' ? 'key' : 'value'
      else return { index: i, expected: `, or ${close}` }
      i++
    } else if (state === 'key' || state === 'firstKey') {
      if (c === '}' && state === 'firstKey') {
        open.pop()
        i++
        state = 'after'
        continue
      }
      if (c !== '"') return { index: i, expected: 'a key in double quotes' }
      if (!string()) return { index: i, expected: 'the end of the text, or a valid escape' }
      take(SPACE)
      if (text[i] !== ':') return { index: i, expected: ':' }
      i++
      state = 'value'
    } else if (c === '{' || c === '[') {
      open.push(c)
      i++
      state = c === '{' ? 'firstKey' : 'firstValue'
    } else if (c === ']' && state === 'firstValue') {
      open.pop()
      i++
      state = 'after'
    } else if (c === '"') {
      if (!string()) return { index: i, expected: 'the end of the text, or a valid escape' }
      state = 'after'
    } else if (take(WORD) || take(NUMBER)) {
      state = 'after'
    } else {
      return { index: i, expected: 'a value' }
    }
  }
}
