import { DAY_MS, HOUR_MS, MINUTE_MS } from '../der/time.ts'
import { type ClientName, clientLimits, clientNames } from './clients.ts'
import { defaultPolicy, type Policy } from './policy.ts'
import type { Rule } from './rule.ts'
import { rules } from './rules/index.ts'

/** docs/clients.md with the tables that are made from the code put in anew; what stands around them is left as it is. */
export function withTables(page: string): string {
  return put(put(page, 'limits', limitsTable()), 'rules', rulesTable())
}

function put(page: string, name: string, table: string): string {
  const [begin, end] = [`<!-- ${name}: made by npm run rules -->\n`, `\n<!-- end of ${name} -->`]
  const [before, rest = ''] = page.split(begin)
  const [, after] = rest.split(end)
  if (after === undefined) throw new Error(`docs/clients.md has no place for the ${name}`)
  return `${before}${begin}\n${table}\n${end}${after}`
}

function limitsTable(): string {
  const rows = clientNames.map((client) => {
    const limits = clientLimits[client]
    return [
      code(client),
      span(limits.futureSkew),
      span(limits.pastSkew),
      span(limits.maxAge),
      withoutNextUpdate(Math.min(limits.maxAgeWithoutNextUpdate, limits.maxAge)),
      Number.isFinite(limits.maxSizeBytes) ? limits.maxSizeBytes.toLocaleString('en') : 'any',
    ]
  })
  const titles = ['client', '`thisUpdate` ahead', '`nextUpdate` past', 'greatest age']
  return table([...titles, 'without `nextUpdate`', 'largest, bytes'], rows)
}

function rulesTable(): string {
  const rows = rules.map((rule) => [
    code(rule.name),
    rule.meaning,
    clientsOf(rule),
    refusal(rule),
    rule.reference,
    code(rule.remedy),
  ])
  return table(['rule', 'meaning', 'clients', 'refused', 'reference', 'remedy'], rows)
}

function clientsOf({ rejectedBy }: Rule): string {
  const others = clientNames.filter((client) => !rejectedBy.includes(client))
  if (rejectedBy.length === 0) return 'none'
  if (others.length === 0) return 'all'
  return others.length <= 3 ? `all but ${list(others)}` : list(rejectedBy)
}

const lenientPolicy: Policy = {
  ...defaultPolicy,
  sha1Signatures: 'accept',
  maxSizeBytes: Number.POSITIVE_INFINITY,
}

function refusal({ rejectedBy, refusedBy, otherwise = 'warn' }: Rule): string {
  if (refusedBy?.(lenientPolicy)) return 'always'
  if (refusedBy !== undefined) return 'by policy'
  return rejectedBy.length === 0 ? `no: ${otherwise}` : 'for clients'
}

function withoutNextUpdate(limit: number): string {
  return limit === 0 ? 'never' : limit === 1 ? 'within the skew' : span(limit)
}

function span(ms: number): string {
  if (ms === Number.POSITIVE_INFINITY) return 'any'
  if (ms === 0) return '0'
  if (ms > DAY_MS) return `${ms / DAY_MS} d`
  return ms >= HOUR_MS ? `${ms / HOUR_MS} h` : `${ms / MINUTE_MS} min`
}

function list(clients: readonly ClientName[]): string {
  return clientNames.filter((client) => clients.includes(client)).join(', ')
}

function code(text: string): string {
  return `\`${text}\``
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  return [titles, titles.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}
