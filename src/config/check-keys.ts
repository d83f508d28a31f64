import type { z } from 'zod'
import { nearest } from './nearest.ts'
import { allowedKeys, type FileKeys, fileKeys } from './schema.ts'

/** A value that is not what its key requires. */
export interface Fault {
  readonly path: readonly PropertyKey[]
  /** Which of the two at `path` is wrong. */
  readonly where: 'key' | 'value'
  readonly saw: string
  readonly required: string
}

/** The checked keys, or all faults. */
export type CheckedKeys =
  | { readonly kind: 'keys'; readonly keys: FileKeys }
  | { readonly kind: 'faults'; readonly faults: readonly Fault[] }

/** Checks plain values, as YAML gives them, and says what is wrong with them in words for people. */
export function checkKeys(raw: unknown): CheckedKeys {
  const checked = fileKeys.safeParse(raw)
  if (checked.success) return { kind: 'keys', keys: checked.data }
  return { kind: 'faults', faults: checked.error.issues.flatMap((issue) => faultsOf(issue, raw)) }
}

function faultsOf(issue: z.core.$ZodIssue, raw: unknown): readonly Fault[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [...issue.path, key],
      where: 'key' as const,
      saw: 'an unknown key',
      required: keyInstead(key, allowedKeys(issue.path)),
    }))
  }
  // One of several forms: the one that fits best has its fault deeper inside.
  const inner = issue.code === 'invalid_union' ? issue.errors.flat() : []
  const { path, message } = inner.find((i) => i.path.length > 0) ?? {
    path: [],
    message: issue.message,
  }
  const whole = [...issue.path, ...path]
  return [{ path: whole, where: 'value', saw: seen(valueAt(raw, whole)), required: message }]
}

function keyInstead(key: string, allowed: readonly string[]): string {
  const near = nearest(key, allowed)
  const hint = near === undefined ? '' : ` (did you mean ${near}?)`
  return `one of ${allowed.join(', ')}${hint}`
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  let value = raw
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined
    value = (value as Record<PropertyKey, unknown>)[step]
  }
  return value
}

function seen(value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (typeof value === 'object') return 'a map'
  const written = JSON.stringify(value)
  return written.length > MAX_SEEN_LENGTH ? `${written.slice(0, MAX_SEEN_LENGTH)}…` : written
}

const MAX_SEEN_LENGTH = 80
