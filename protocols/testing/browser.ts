/** A browser for tests: keeps cookies, follows redirects, fills in and submits the first form of a page. */
export class TestBrowser {
  readonly #jar = new Map<string, string>()

  /**
   * Opens an address and goes on until it is sent to one that `until` accepts (that one is not opened), or a page has no form.
   * `fill` gives values for fields by name; of a page with a button named `press`, that one is pressed, and what comes then is the end.
   */
  async visit(address: string, until: (url: URL) => boolean, fill: Record<string, string> = {}, press = ''): Promise<{ url: URL; body: string }> {
    let url = new URL(address)
    let init: RequestInit = {}
    let pressed = false
    for (let step = 0; step < 30; step++) {
      if (until(url)) return { url, body: '' }
      const answer = await fetch(url, { ...init, redirect: 'manual', headers: { ...(init.headers as Record<string, string>), cookie: [...this.#jar].map(([k, v]) => `${k}=${v}`).join('; ') } })
      for (const line of answer.headers.getSetCookie()) {
        const [pair = ''] = line.split(';', 1)
        const name = pair.slice(0, pair.indexOf('='))
        if (/expires=Thu, 01 Jan 1970/i.test(line)) this.#jar.delete(name)
        else this.#jar.set(name, pair.slice(pair.indexOf('=') + 1))
      }
      const location = answer.headers.get('location')
      const body = await answer.text()
      init = {}
      if (location !== null) {
        url = new URL(location, url)
        continue
      }
      const form = /<form[^>]*action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/i.exec(body)
      if (!form || pressed) return { url, body }
      const fields = new URLSearchParams()
      for (const [tag] of form[2]!.matchAll(/<input[^>]*>/gi)) {
        const name = /name="([^"]*)"/.exec(tag)?.[1]
        if (name) fields.set(name, fill[name] ?? /value="([^"]*)"/.exec(tag)?.[1] ?? 'anything')
      }
      pressed = press !== '' && new RegExp(`<button[^>]*name="${press}"`, 'i').test(body)
      if (pressed) fields.set(press, 'yes')
      url = new URL(form[1]!.replaceAll('&amp;', '&'), url)
      init = { method: 'POST', body: fields.toString(), headers: { 'content-type': 'application/x-www-form-urlencoded' } }
    }
    throw new Error(`the browser went in circles at ${url.href}`)
  }
}
