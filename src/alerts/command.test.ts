import { describe, expect, it } from 'vitest'
import { epochMs } from '../der/time.ts'
import { alertJson } from './alert.ts'
import { commandDestination } from './command.ts'

const message = {
  id: 'msg_1',
  alert: {
    type: 'certificate.revoked',
    at: epochMs(1_800_000_000_000),
    certificate: { id: 'ab', name: '$(touch x)\0"; `y`', mustStaple: true, sources: [] },
    reason: 'keyCompromise',
    usableUntil: undefined,
  },
} as const

describe('commandDestination()', () => {
  it('gives the facts as variables and as JSON, and nothing to the shell', async () => {
    const show = commandDestination('echo "$EVERSTAPLE_EVENT $EVERSTAPLE_NAME"; cat; exit 9')
    expect(await show.attempt(message)).toEqual({
      kind: 'failed',
      problem: 'exit status 9',
      output: `certificate.revoked $(touch x) "; \`y\`\n${alertJson(message.alert)}`,
      again: 'no',
    })
  })
  it('is done when the command has ended well, whether it read anything or not', async () => {
    expect(await commandDestination('true').attempt(message)).toEqual({ kind: 'done' })
  })
})
