import { CONSTRUCTED, tags } from '../../der/tag.ts'
import { type EpochMs, fromCalendar, plus } from '../../der/time.ts'
import { booleanTrue, concat, generalizedTime, text } from '../../der/writer.ts'
import { allInside, copyTree, type MutableElement, readTree } from './element.ts'

/** A number in [0, 1). */
export type Random = () => number

/** Changes a tree in one way, at a place that chance picks. `others` is what may be taken from elsewhere. */
export type Mutation = (
  tree: MutableElement,
  random: Random,
  others: readonly MutableElement[],
) => void

/** Ways to change a tree, by name. */
export const mutations: { readonly [name: string]: Mutation } = {
  flipBit: (tree, random) => changeContent(tree, random, isFilled, (c) => flipped(c, random)),
  setTag: (tree, random) => {
    pick(allInside(tree), random).tag = pick(TAGS, random)
  },
  setLength: (tree, random) => {
    pick(allInside(tree), random).length = pick(['long', 'indefinite', 'wrong'] as const, random)
  },
  empty: (tree, random) => {
    pick(allInside(tree), random).content = Uint8Array.of()
  },
  delete: (tree, random) => changeList(tree, random, (list, at) => void list.splice(at, 1)),
  duplicate: (tree, random) =>
    changeList(tree, random, (list, at) => {
      const one = list[at]
      if (one !== undefined) list.splice(at, 0, copyTree(one))
    }),
  swap: (tree, random) =>
    changeList(tree, random, (list, at) => void list.push(...list.splice(at, 1))),
  splice: (tree, random, others) => {
    const target = pick(allInside(tree), random)
    const same = others.filter(({ tag }) => tag === target.tag)
    if (same.length > 0) target.content = copyTree(pick(same, random)).content
  },
  insert: (tree, random, others) =>
    changeList(tree, random, (list, at) => void list.splice(at, 0, copyTree(pick(others, random)))),
  moveTime: (tree, random) => changeTime(tree, random, (at) => moved(at, random)),
  spellTime: (tree, random) =>
    changeTime(tree, random, (_at, digits) => pick(spellings, random)(digits)),
  padInteger: (tree, random) =>
    changeContent(
      tree,
      random,
      ({ tag }) => tag === tags.integer || tag === tags.enumerated,
      (content) => concat([Uint8Array.of(pick([0, 0xff], random)), content]),
    ),
  markCritical: (tree, random) => {
    const extensions = allInside(tree).filter(isExtension)
    if (extensions.length === 0) return
    const [oid, ...rest] = pick(extensions, random).content as MutableElement[]
    const [critical] = readTree(booleanTrue()) ?? []
    if (oid === undefined || critical === undefined) return
    if (random() < 0.3) critical.content = Uint8Array.of(pick([0, 1], random))
    const target = allInside(tree).find(
      ({ content }) => !(content instanceof Uint8Array) && content[0] === oid,
    )
    if (target !== undefined) target.content = [oid, critical, ...rest]
  },
}

/** One of several. */
export function pick<T>(choices: readonly T[], random: Random): T {
  const chosen = choices[Math.floor(random() * choices.length)]
  if (chosen === undefined) throw new Error('nothing to choose from')
  return chosen
}

/** With one bit changed. */
export function flipped(bytes: Uint8Array, random: Random): Uint8Array {
  const changed = Uint8Array.from(bytes)
  const at = Math.floor(random() * bytes.length)
  changed[at] = (changed[at] ?? 0) ^ (1 << Math.floor(random() * 8))
  return changed
}

function changeContent(
  tree: MutableElement,
  random: Random,
  wanted: (element: MutableElement) => boolean,
  change: (content: Uint8Array) => Uint8Array,
): void {
  const elements = allInside(tree).filter(wanted)
  if (elements.length === 0) return
  const element = pick(elements, random)
  if (element.content instanceof Uint8Array) element.content = change(element.content)
}

function changeList(
  tree: MutableElement,
  random: Random,
  change: (list: MutableElement[], at: number) => void,
): void {
  const lists = allInside(tree).flatMap(({ content }) =>
    content instanceof Uint8Array || content.length === 0 ? [] : [content],
  )
  if (lists.length === 0) return
  const list = pick(lists, random)
  change(list, Math.floor(random() * list.length))
}

function changeTime(
  tree: MutableElement,
  random: Random,
  change: (at: EpochMs, digits: string) => Uint8Array | undefined,
): void {
  const isTime = ({ tag }: MutableElement) => tag === tags.generalizedTime
  changeContent(tree, random, isTime, (content) => {
    const written = Buffer.from(content).toString('latin1')
    const [year, month, day, hour, minute, second] = [
      written.slice(0, 4),
      ...(written.slice(4, 14).match(/../g) ?? []),
    ].map(Number)
    const time = { year, month, day, hour, minute, second } as Parameters<typeof fromCalendar>[0]
    const at = fromCalendar(time)
    const encoded = at === undefined ? undefined : change(at, written.slice(0, 14))
    return encoded === undefined ? content : encoded.subarray(2)
  })
}

/** Near, as limits are a matter of seconds, or far. */
function moved(at: EpochMs, random: Random): Uint8Array {
  const furthest = pick([10, 600, 90_000, 900_000, 40_000_000], random)
  return generalizedTime(plus(at, Math.round((random() * 2 - 1) * furthest) * 1000))
}

const spellings: readonly ((digits: string) => Uint8Array)[] = [
  (digits) => written(`${digits}.5Z`),
  (digits) => written(`${digits.slice(0, 12)}Z`),
  (digits) => written(`${digits}+0100`),
  (digits) => written(digits),
  (digits) => written(`${digits.slice(0, 8)}246060Z`),
  (digits) => written(`${digits.slice(0, 13)}:Z`),
]

function written(time: string): Uint8Array {
  return text(tags.generalizedTime, time)
}

function isFilled({ content }: MutableElement): boolean {
  return content instanceof Uint8Array && content.length > 0
}

/** SEQUENCE { OID, OCTET STRING }: an Extension without `critical`. */
function isExtension({ tag, content }: MutableElement): boolean {
  if (tag !== tags.sequence || content instanceof Uint8Array) return false
  return (
    content.length === 2 && content[0]?.tag === tags.oid && content[1]?.tag === tags.octetString
  )
}

const TAGS: readonly number[] = [
  ...Object.values(tags),
  ...[0, 1, 2, 3].flatMap((number) => [0x80 | number, 0x80 | CONSTRUCTED | number]),
  0x1f,
]
