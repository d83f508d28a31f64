/** One certificate of a PEM text, decoded from base64 and not yet read. */
export interface PemCertificate {
  readonly der: Uint8Array
  /** Line of its BEGIN, counted from 1. */
  readonly line: number
}

/** What a PEM text holds (RFC 7468). */
export interface PemContents {
  readonly certificates: readonly PemCertificate[]
  /** Labels of the blocks that are not certificates, as `PRIVATE KEY`; their content is never decoded or copied. */
  readonly otherLabels: readonly string[]
  readonly problems: readonly { readonly line: number; readonly problem: string }[]
}

/**
 * Finds the certificates of a PEM text. Text between blocks, CRLF, a byte order mark and leading white space are stepped over.
 * Private keys are too, without becoming a string or a copy: the bytes stay the caller's, to be zeroed.
 */
export function certificatesInPem(input: Uint8Array | string): PemContents {
  const bytes = typeof input === 'string' ? Buffer.from(input, 'latin1') : input
  const certificates: PemCertificate[] = []
  const otherLabels: string[] = []
  const problems: { line: number; problem: string }[] = []
  for (const block of blocks(bytes)) {
    const { label, line } = block
    if (label === undefined) {
      problems.push({
        line,
        problem: 'the BEGIN line must be "-----BEGIN …-----" and nothing else',
      })
    } else if (label === 'TRUSTED CERTIFICATE') {
      problems.push({ line, problem: TRUSTED })
    } else if (!CERTIFICATE_LABELS.has(label)) {
      otherLabels.push(label)
    } else {
      const content = decode(bytes, block)
      if ('problem' in content) problems.push(content)
      else certificates.push({ der: content.der, line })
    }
  }
  return { certificates, otherLabels, problems }
}

/** A certificate as PEM (RFC 7468 §5.1), with a newline at its end. */
export function certificatePem(der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString('base64')
    .replace(/.{64}(?=.)/g, '$&\n')
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`
}

/** Whether the bytes hold the beginning of a PEM block anywhere. */
export function looksLikePem(bytes: Uint8Array): boolean {
  return view(bytes, 0, bytes.length).includes(BEGIN)
}

interface Block {
  /** `undefined` where the BEGIN line is not well formed. */
  readonly label: string | undefined
  readonly line: number
  readonly contentStart: number
  readonly contentEnd: number
  /** Whether its END was found, with the same label. */
  readonly end: 'found' | 'missing' | 'of another label'
}

/** The blocks in order. A block whose END is missing ends where the next begins. */
function* blocks(bytes: Uint8Array): Generator<Block> {
  let open: Omit<Block, 'contentEnd' | 'end'> | undefined
  for (const { start, end, number } of lines(bytes)) {
    if (startsWith(bytes, start, end, BEGIN)) {
      if (open !== undefined) yield { ...open, contentEnd: start, end: 'missing' }
      const label = labelOf(bytes, start + BEGIN.length, end)
      open = { label, line: number, contentStart: end }
    } else if (open !== undefined && startsWith(bytes, start, end, END)) {
      const matches = labelOf(bytes, start + END.length, end) === open.label
      yield { ...open, contentEnd: start, end: matches ? 'found' : 'of another label' }
      open = undefined
    }
  }
  if (open !== undefined) yield { ...open, contentEnd: bytes.length, end: 'missing' }
}

/** Lines without white space at either end, so that indented PEM (YAML, mail) is found too. */
function* lines(bytes: Uint8Array): Generator<{ start: number; end: number; number: number }> {
  let start = startsWith(bytes, 0, bytes.length, BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0
  for (let number = 1; start < bytes.length; number++) {
    const newline = bytes.indexOf(NEWLINE, start)
    const next = newline === -1 ? bytes.length : newline
    let from = start
    let to = next
    while (from < to && isSpace(bytes[from] ?? 0)) from++
    while (to > from && isSpace(bytes[to - 1] ?? 0)) to--
    yield { start: from, end: to, number }
    start = next + 1
  }
}

/** The label that begins at `start`, where five dashes close it and the line; a key on one line never becomes a string. */
function labelOf(bytes: Uint8Array, start: number, end: number): string | undefined {
  const closes = end - DASHES.length
  if (closes < start || closes - start > MAX_LABEL) return undefined
  if (!startsWith(bytes, closes, end, DASHES)) return undefined
  const label = view(bytes, start, closes).toString('latin1')
  return /^[\x20-\x2c\x2e-\x7e]+(-[\x20-\x2c\x2e-\x7e]+)*$/.test(label) ? label : undefined
}

function decode(
  bytes: Uint8Array,
  { line, contentStart, contentEnd, end }: Block,
): { der: Uint8Array } | { line: number; problem: string } {
  if (end === 'missing') return { line, problem: 'no END line follows: the file is cut short' }
  if (end !== 'found') return { line, problem: 'its END line names something else than its BEGIN' }
  let digits = 0
  let padding = 0
  let at = line
  for (let i = contentStart; i < contentEnd; i++) {
    const octet = bytes[i] ?? 0
    if (octet === NEWLINE) at++
    else if (octet === EQUALS) padding++
    else if (!isSpace(octet)) {
      if (!isBase64(octet)) return { line: at, problem: 'not base64 inside of a certificate' }
      if (padding > 0) return { line: at, problem: 'base64 goes on after its end' }
      digits++
    }
  }
  if (digits === 0) return { line, problem: 'the certificate is empty' }
  if (padding > 2 || (digits + padding) % 4 !== 0) {
    return { line, problem: 'base64 of a length that cannot be: characters are missing' }
  }
  return { der: Buffer.from(view(bytes, contentStart, contentEnd).toString('latin1'), 'base64') }
}

function startsWith(bytes: Uint8Array, start: number, end: number, prefix: Uint8Array): boolean {
  return end - start >= prefix.length && prefix.every((octet, i) => bytes[start + i] === octet)
}

function view(bytes: Uint8Array, start: number, end: number): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start)
}

function isSpace(octet: number): boolean {
  return octet === 0x20 || (octet >= 0x09 && octet <= 0x0d)
}

function isBase64(octet: number): boolean {
  return (
    (octet >= 0x41 && octet <= 0x5a) ||
    (octet >= 0x61 && octet <= 0x7a) ||
    (octet >= 0x2f && octet <= 0x39) ||
    octet === 0x2b
  )
}

const BEGIN = Buffer.from('-----BEGIN ')
const END = Buffer.from('-----END ')
const DASHES = Buffer.from('-----')
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])
const NEWLINE = 0x0a
const EQUALS = 0x3d
/** The longest label that OpenSSL knows, `ANY PRIVATE KEY` and the like aside, has 22 characters. */
const MAX_LABEL = 64
/** RFC 7468 §5.1: the second is of old, and still read by OpenSSL. */
const CERTIFICATE_LABELS = new Set(['CERTIFICATE', 'X509 CERTIFICATE'])
const TRUSTED =
  'TRUSTED CERTIFICATE is a form of OpenSSL alone: write it as CERTIFICATE, with "openssl x509 -in FILE -out FILE"'
