import type { DerReader } from '../der/reader.ts'
import { tags } from '../der/tag.ts'

// AlgorithmIdentifier ::= SEQUENCE {
//   algorithm   OBJECT IDENTIFIER,
//   parameters  ANY DEFINED BY algorithm OPTIONAL }    RFC 5280 §4.1.1.2
export interface AlgorithmIdentifier {
  /** Dotted form. */
  readonly oid: string
  readonly parameters: 'absent' | 'null' | 'other'
  /** The identifier whole, DER. */
  readonly der: Uint8Array
}

/** Reads the AlgorithmIdentifier that comes next. */
export function algorithmIdentifier(reader: DerReader, field: string): AlgorithmIdentifier {
  const start = reader.position
  const { oid, parameters } = reader.sequence(field, oidAndParameters)
  return { oid, parameters, der: reader.bytes.subarray(start, reader.position) }
}

function oidAndParameters(reader: DerReader): Pick<AlgorithmIdentifier, 'oid' | 'parameters'> {
  const oid = reader.oid('AlgorithmIdentifier.algorithm')
  if (reader.done) return { oid, parameters: 'absent' }
  const { tag, contentStart, contentEnd } = reader.any('AlgorithmIdentifier.parameters')
  return { oid, parameters: tag === tags.null && contentStart === contentEnd ? 'null' : 'other' }
}
