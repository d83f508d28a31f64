import type { DurationMs, EpochMs } from '../der/time.ts'

/** One exchange with a responder as it is kept, so that patterns can be read from many of them. */
export interface LoggedAttempt {
  /** The origin of the OCSP URL. */
  readonly responder: string
  /** The id of the certificate that was asked about. */
  readonly certificate: string
  /** From the notBefore of the certificate to `at`. */
  readonly certificateAge: DurationMs
  readonly at: EpochMs
  readonly elapsed: DurationMs
  readonly method: 'GET' | 'POST'
  readonly connection: 'kept' | 'fresh'
  /** The address that was asked; `undefined` where no connection stood. The next is where none answered. */
  readonly remoteAddress: string | undefined
  readonly statusCode: number | undefined
  /**
   * What came of it, in one word: `newer` or `unchanged` for a good staple; `http-404`; the cause of an unreachable responder (`connect`, `timeout`,
   * `dns`, …); an OCSPResponseStatus (`tryLater`, `unauthorized`, …); or the name of the rule that refused the response.
   */
  readonly outcome: string
  /** The same in words for people; of a good staple, what was mended or the CA should be told of, if anything: `RULE: saw …`. */
  readonly problem: string | undefined
  /** Of the answer, where it could be read. */
  readonly thisUpdate: EpochMs | undefined
  readonly nextUpdate: EpochMs | undefined
}
