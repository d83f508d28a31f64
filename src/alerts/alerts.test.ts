import { describe, expect, it } from 'vitest'
import { createEvents } from '../events.ts'
import { MemoryStore } from '../lab/memory-store.ts'
import { systemClock } from '../time/clock.ts'
import { type AlertSettings, startAlerts } from './alerts.ts'
import { WebhookSecretError } from './webhook-secret.ts'

const events = createEvents(() => {})
const NONE: AlertSettings = { onChange: [], onFailing: [], onRevoked: [] }
const started = (alerts: AlertSettings) =>
  startAlerts({
    alerts,
    store: new MemoryStore(),
    clock: systemClock,
    random: () => 0.5,
    policy: { revoked: 'withdraw' },
    events,
  })

describe('startAlerts()', () => {
  it('leaves the events alone where nobody is to be told', async () => {
    await using alerts = await started(NONE)
    expect(alerts.watch(events)).toBe(events)
  })

  it('refuses a webhook that it could not sign, before there is something to tell', async () => {
    const webhook = { kind: 'webhook', url: 'http://127.0.0.1:9/', secretFile: '/no/key' } as const
    const refused = started({ ...NONE, onRevoked: [webhook] })
    await expect(refused).rejects.toThrow(WebhookSecretError)
  })

  it('ends while nothing happens', async () => {
    const command = { kind: 'command', command: 'false' } as const
    const alerts = await started({ ...NONE, onChange: [command] })
    await alerts[Symbol.asyncDispose]()
  })
})
