export {
  type EverstapleClient,
  type EverstapleOptions,
  everstaple,
  NotStapledError,
} from './everstaple.ts'
export { type HandshakeStaples, stapleFrom } from './staple-from.ts'
