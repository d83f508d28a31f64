/** The only error a `DerReader` throws: what could not be read, where, inside which field. */
export class DerError extends Error {
  override readonly name = 'DerError'
  readonly code = 'MALFORMED_DER'
  readonly offset: number
  readonly field: string
  readonly problem: string

  constructor(problem: string, field: string, offset: number) {
    super(`${problem} at byte ${offset}, in ${field}`)
    this.problem = problem
    this.field = field
    this.offset = offset
  }
}
