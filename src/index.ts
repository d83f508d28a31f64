/** Embed the service in a Node.js program. The entry point `everstaple`. */
export type { Service, ServiceWorld } from './cli/running-service.ts'
export { startService } from './cli/service.ts'
export type { Config } from './config/config.ts'
export { type ConfigSource, loadConfig } from './config/load.ts'
export { createEvents, type Events, type Log } from './events.ts'
export { type Clock, systemClock } from './time/clock.ts'
