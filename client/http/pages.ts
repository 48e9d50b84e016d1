import type { LinkStep } from '../connect/links.ts'
import type { Question } from '../connect/questions.ts'

const STYLE = 'body{font:16px/1.5 system-ui,sans-serif;margin:3em auto;max-width:28em;padding:0 1em;color:#1a1a1a}label{display:block;margin:1em 0 .2em;font-weight:600}input,select{width:100%;padding:.5em;font:inherit;border:1px solid #888;border-radius:4px;box-sizing:border-box}button{margin-top:1.5em;padding:.6em 1.4em;font:inherit;border:0;border-radius:4px;background:#14532d;color:#fff}.error{color:#b00020}'

/** Text as it may stand in HTML. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)
}

function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title><style>${STYLE}</style><body>${body}`
}

export function messagePage(text: string): string {
  return page('Isthmus', `<p>${escapeHtml(text)}</p>`)
}

export function donePage(connection: string): string {
  return page('Connected', `<h1>Connected</h1><p>${escapeHtml(connection)} is set up. You can close this window.</p>`)
}

/** What a person enters. Secrets are never put back into the page. */
export function formPage({ title, docs, questions, error }: Extract<LinkStep, { kind: 'form' }>): string {
  const help = /^https:\/\//.test(docs) ? `<p><a href="${escapeHtml(docs)}" rel="noopener noreferrer" target="_blank">Where to find these</a></p>` : ''
  return page(`Connect ${title}`, `<h1>Connect ${escapeHtml(title)}</h1>${help}${error ? `<p class="error">${escapeHtml(error)}</p>` : ''}<form method="post" autocomplete="off">${questions.map(field).join('')}<button>Connect</button></form>`)
}

function field(q: Question): string {
  const name = escapeHtml(q.name)
  const label = `<label for="${name}">${escapeHtml(q.text)}</label>`
  if (q.choices.length > 0) {
    const options = q.choices.map((c) => `<option${c === q.initial ? ' selected' : ''}>${escapeHtml(c)}</option>`).join('')
    return `${label}<select id="${name}" name="${name}">${options}</select>`
  }
  return `${label}<input id="${name}" name="${name}" type="${q.secret ? 'password' : 'text'}" value="${q.secret ? '' : escapeHtml(q.initial)}"${q.required ? ' required' : ''}>`
}
