/** Tells the operator of a server that embeds us, by `process.emitWarning`: on stderr unless they listen for `warning`. */
export function warn(code: 'NO_ISSUER' | 'UNSTAPLED' | 'UNREADABLE', message: string): void {
  process.emitWarning(message, { type: 'EverstapleWarning', code: `EVERSTAPLE_${code}` })
}
