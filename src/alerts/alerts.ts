import { randomUUID } from 'node:crypto'
import type { Clock, Random } from '../time/clock.ts'
import type { Alert, AlertType } from './alert.ts'
import { AlertSource, type AlertSourceOptions, type WatchedEvents } from './alert-source.ts'
import { commandDestination } from './command.ts'
import { Deliveries, type DeliveryEvents } from './deliveries.ts'
import { type WebhookSettings, webhookAgent, webhookDestination } from './webhook.ts'
import { readWebhookSecret } from './webhook-secret.ts'

/** Who is told of what. */
export interface AlertSettings {
  readonly onChange: readonly HookSettings[]
  readonly onFailing: readonly HookSettings[]
  readonly onRevoked: readonly HookSettings[]
}

/** A command line for `/bin/sh`, or a webhook. */
export type HookSettings =
  | { readonly kind: 'command'; readonly command: string }
  | ({ readonly kind: 'webhook' } & WebhookSettings)

/** What alerts work with. */
export interface AlertsOptions extends Omit<AlertSourceOptions, 'raise' | 'clock' | 'events'> {
  readonly alerts: AlertSettings
  readonly clock: Clock
  readonly random: Random
  readonly events: WatchedEvents & DeliveryEvents
}

/** Running alerts. Disposing of them ends the attempts under way and gives up what waits. */
export interface Alerts extends AsyncDisposable {
  /** The same events, from which alerts are made as they go by. */
  watch<Events extends WatchedEvents>(events: Events): Events
}

/** Starts to tell operators. Throws a `WebhookSecretError` where a webhook could not be signed. */
export async function startAlerts(options: AlertsOptions): Promise<Alerts> {
  const { alerts, clock, random, events } = options
  const settings = [alerts.onChange, alerts.onFailing, alerts.onRevoked].flat()
  if (settings.length === 0) return NO_ALERTS
  for (const hook of settings) if (hook.kind === 'webhook') await readWebhookSecret(hook.secretFile)
  const agent = webhookAgent()
  const deliveriesFor = (hooks: readonly HookSettings[]) =>
    hooks.map((hook) => {
      const destination =
        hook.kind === 'command'
          ? commandDestination(hook.command)
          : webhookDestination(hook, { clock, agent })
      return new Deliveries({ destination, clock, random, events })
    })
  const all = {
    onChange: deliveriesFor(alerts.onChange),
    onFailing: deliveriesFor(alerts.onFailing),
    onRevoked: deliveriesFor(alerts.onRevoked),
  }
  const raise = (alert: Alert) => {
    for (const deliveries of all[hookOf[alert.type]]) {
      deliveries.add({ id: `msg_${randomUUID()}`, alert })
    }
  }
  const source = new AlertSource({ ...options, raise })
  return {
    watch: (watched) => source.watch(watched),
    async [Symbol.asyncDispose]() {
      await source[Symbol.asyncDispose]()
      const ended = Object.values(all).flatMap((each) =>
        each.map((deliveries) => deliveries[Symbol.asyncDispose]()),
      )
      await agent.destroy()
      await Promise.all(ended)
    },
  }
}

const NO_ALERTS: Alerts = {
  watch: (events) => events,
  [Symbol.asyncDispose]: () => Promise.resolve(),
}

const hookOf = {
  'staple.stored': 'onChange',
  'staple.withdrawn': 'onChange',
  'certificate.failing': 'onFailing',
  'certificate.recovered': 'onFailing',
  'certificate.revoked': 'onRevoked',
} as const satisfies Record<AlertType, keyof AlertSettings>
