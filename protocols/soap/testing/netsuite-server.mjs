// Child of tests: a server that the `soap` library makes of NetSuite's WSDL. Arguments: the WSDL, how many customers. Tells its port, then each call as it understood it.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import soap from 'soap'

const [wsdl, count] = process.argv.slice(2)
const PAGE = 40
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)
const customers = Array.from({ length: Number(count) }, (_, i) => ({ id: String(i + 1), name: `Müller & <Söhne> "${i + 1}" 漢字`, balance: `${10_000_000_000_000_000 + i}.10`, modified: new Date(Date.UTC(2024, 0, 1) + i * 3_600_000).toISOString() }))
const searches = new Map()
let failures = []

const fault = (element, code) => ({ Fault: { faultcode: 'soapenv:Server.userException', faultstring: `${code}: refused by the test`, detail: { [element]: { code, message: 'refused by the test' } } } })
const record = (c) => ({ attributes: { 'xsi:type': 'listRel:Customer', 'xmlns:listRel': 'urn:relationships_2017_2.lists.webservices.netsuite.com', internalId: c.id }, 'listRel:entityId': c.id, 'listRel:companyName': c.name, 'listRel:balance': c.balance, 'listRel:lastModifiedDate': c.modified })
const page = (id, index) => {
  const all = searches.get(id)
  const records = all.slice((index - 1) * PAGE, index * PAGE).map(record)
  return { searchResult: { status: { attributes: { isSuccess: 'true' } }, totalRecords: all.length, pageSize: PAGE, totalPages: Math.ceil(all.length / PAGE), pageIndex: index, searchId: id, ...(records.length > 0 ? { recordList: { 'platformCore:record': records } } : {}) } }
}
const call = (name, answer) => (args, _done, headers) => {
  say({ call: name, args, headers })
  const next = failures.shift()
  if (next) throw fault(next.element, next.code)
  return answer(args)
}
const port = {
  search: call('search', ({ searchRecord }) => {
    const since = searchRecord?.lastModifiedDate?.searchValue
    const id = `S${searches.size + 1}`
    searches.set(id, since === undefined ? customers : customers.filter((c) => c.modified >= new Date(since).toISOString()))
    return page(id, 1)
  }),
  searchMoreWithId: call('searchMoreWithId', ({ searchId, pageIndex }) => page(searchId, Number(pageIndex))),
  addList: call('addList', ({ record: records }) => ({
    writeResponseList: {
      writeResponse: [records].flat().map((r, i) =>
        r.companyName === 'bad'
          ? { status: { attributes: { isSuccess: 'false' }, statusDetail: { attributes: { type: 'ERROR' }, code: 'INVALID_KEY_OR_REF', message: 'this one is bad' } } }
          : { status: { attributes: { isSuccess: 'true' } }, baseRef: { attributes: { internalId: String(9000 + i), 'xsi:type': 'platformCore:RecordRef' } } }),
    },
  })),
}
const server = createServer((_req, res) => res.writeHead(404).end())
server.listen(0, '127.0.0.1', () => {
  soap.listen(server, { path: '/services', services: { NetSuiteService: { NetSuitePort: port } }, xml: readFileSync(wsdl, 'utf8'), uri: wsdl, callback: (error) => say(error ? { error: String(error) } : { port: server.address().port }) })
})
process.on('message', (message) => { failures = message.failures })
