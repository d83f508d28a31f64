import { readFileSync } from 'node:fs'
import { expect, it, test } from 'vitest'
import { refusedNode } from './refused-node.ts'

const { engines } = JSON.parse(readFileSync('package.json', 'utf8'))
const [least] = /\d+/.exec(engines.node) ?? []

test.each(['20.20.2', '9.0.0', `${Number(least) - 1}.99.0`])(
  'Node.js %s will not do',
  (version) => {
    expect(refusedNode(version)).toMatchObject({
      message: `this is Node.js ${version}; everstaple needs ${least} or later`,
    })
  },
)

it('does with what package.json asks for, and later', () => {
  expect([refusedNode(`${least}.0.0`), refusedNode('100.1.0')]).toEqual([undefined, undefined])
})
