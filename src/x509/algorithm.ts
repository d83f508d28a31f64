import type { DerReader } from '../der/reader.ts'

// AlgorithmIdentifier ::= SEQUENCE {
//   algorithm   OBJECT IDENTIFIER,
//   parameters  ANY DEFINED BY algorithm OPTIONAL }    RFC 5280 §4.1.1.2
export interface AlgorithmIdentifier {
  /** Dotted form. */
  readonly oid: string
  readonly parameters: 'absent' | 'null' | 'other'
  /** The bytes that it was read from, and where it stands in them; see {@link algorithmDer}. */
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
}

/** The identifier whole, DER: a view, made when asked for, as it seldom is. */
export function algorithmDer({ bytes, start, end }: AlgorithmIdentifier): Uint8Array {
  return bytes.subarray(start, end)
}

/** Reads the AlgorithmIdentifier that comes next. */
export function algorithmIdentifier(reader: DerReader, field: string): AlgorithmIdentifier {
  const start = reader.position
  const { oid, parameters } = reader.sequence(field, oidAndParameters)
  return { oid, parameters, bytes: reader.bytes, start, end: reader.position }
}

function oidAndParameters(reader: DerReader): Pick<AlgorithmIdentifier, 'oid' | 'parameters'> {
  const oid = reader.oid('AlgorithmIdentifier.algorithm')
  if (reader.done) return { oid, parameters: 'absent' }
  return { oid, parameters: reader.null('AlgorithmIdentifier.parameters') ? 'null' : 'other' }
}
