import { HOUR_MS } from '../../der/time.ts'
import { concat, derNull, explicit, implicit } from '../../der/writer.ts'
import { extension } from '../certificate-extensions.ts'
import { errorResponse } from '../response-builder.ts'
import type { Family, Setting } from './setting.ts'

/** Status, wrapping and size. */
export function encodingVectors(here: Setting): Family {
  return { ...statusVectors(here), ...wrappingVectors(here), ...sizeVectors(here) }
}

function statusVectors({ direct, saying, at }: Setting): Family {
  return {
    revoked: saying({ certStatus: { revokedAt: at(-HOUR_MS) } }),
    revoked_with_reason: saying({ certStatus: { revokedAt: at(-HOUR_MS), reason: 1 } }),
    unknown: saying({ certStatus: 'unknown' }),
    good_constructed: saying({ certStatus: explicit(0) }),
    good_nonempty: saying({ certStatus: implicit(0, Uint8Array.of(0)) }),
    outer_0_nobytes: errorResponse(0),
    outer_1_nobytes: errorResponse(1),
    outer_2_nobytes: errorResponse(2),
    outer_3_nobytes: errorResponse(3),
    outer_5_nobytes: errorResponse(5),
    outer_6_nobytes: errorResponse(6),
    outer_3_withbytes: direct({ responseStatus: 3 }),
    resptype_unknown: direct({ responseType: '2.999.3' }),
    version_explicit_v1: direct({ version: 0 }),
    version_v2: direct({ version: 1 }),
  }
}

function wrappingVectors({ direct }: Setting): Family {
  const good = direct()
  return {
    outer_trailing_1byte: concat([good, Uint8Array.of(0)]),
    outer_trailing_newline: concat([good, Buffer.from('\r\n')]),
    outer_indefinite: direct({ encoding: { OCSPResponse: { length: 'indefinite' } } }),
    outer_nonminimal_len: direct({ encoding: { OCSPResponse: { length: 'long' } } }),
    basic_trailing: direct({ encoding: { BasicOCSPResponse: { after: derNull() } } }),
    double_concat: concat([good, good]),
    truncated: good.subarray(0, good.length >> 1),
    empty_body: Uint8Array.of(),
    one_byte: good.subarray(0, 1),
    html: Buffer.from('<html><body><h1>503 Service Unavailable</h1></body></html>\n'),
  }
}

/** With an extension of so many bytes inside; the whole is half a kilobyte longer. */
function sizeVectors({ direct }: Setting): Family {
  const carrying = (sizeBytes: number) =>
    direct({ responseExtensions: [extension('2.999.5', Buffer.alloc(sizeBytes, 0x61))] })
  return {
    size_9000: carrying(9_000),
    size_16000: carrying(16_000),
    size_20400: carrying(20_400),
    size_40000: carrying(40_000),
    size_64000: carrying(64_000),
    size_70000: carrying(70_000),
  }
}
