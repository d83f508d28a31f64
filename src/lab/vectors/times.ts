import { DAY_MS, HOUR_MS, iso, MINUTE_MS, SECOND_MS } from '../../der/time.ts'
import type { Family, Setting } from './setting.ts'

/** When the response holds; offsets are from now. */
export function timeVectors(here: Setting): Family {
  return { ...limitVectors(here), ...withoutEndVectors(here), ...leafVectors(here) }
}

function limitVectors(here: Setting): Family {
  const { s, m, h, d } = units
  const from = (thisUpdate: number, nextUpdate: number) =>
    here.saying({ thisUpdate: here.at(thisUpdate), nextUpdate: here.at(nextUpdate) })
  return {
    age_6d_next_plus2d: from(-6 * d, 2 * d),
    age_8d_next_plus2d: from(-8 * d, 2 * d),
    'age_10.5d_next_plus2d': from(-10.5 * d, 2 * d),
    'age_11.5d_next_plus2d': from(-11.5 * d, 2 * d),
    age_15d_next_plus2d: from(-15 * d, 2 * d),
    validity_5min: from(-1 * m, 4 * m),
    validity_1y_fresh: from(-1 * h, 365 * d),
    thisupdate_future_1s: from(1 * s, 4 * d),
    thisupdate_future_30s: from(30 * s, 4 * d),
    thisupdate_future_60s: from(60 * s, 4 * d),
    thisupdate_future_200s: from(200 * s, 4 * d),
    thisupdate_future_400s: from(400 * s, 4 * d),
    thisupdate_future_10m: from(10 * m, 4 * d),
    thisupdate_future_20m: from(20 * m, 4 * d),
    thisupdate_future_2h: from(2 * h, 4 * d),
    thisupdate_future_25h: from(25 * h, 4 * d),
    nextupdate_in_60s: from(-1 * d, 60 * s),
    nextupdate_in_250s: from(-1 * d, 250 * s),
    nextupdate_past_60s: from(-1 * d, -60 * s),
    nextupdate_past_200s: from(-1 * d, -200 * s),
    nextupdate_past_400s: from(-1 * d, -400 * s),
    nextupdate_past_20m: from(-1 * d, -20 * m),
    nextupdate_past_2h: from(-1 * d, -2 * h),
    nextupdate_past_25h: from(-2 * d, -25 * h),
    nextupdate_before_thisupdate_both_future: from(60 * s, 30 * s),
  }
}

function withoutEndVectors({ saying, at }: Setting): Family {
  const { m, h, d } = units
  const aged = (age: number) => saying({ thisUpdate: at(-age), nextUpdate: undefined })
  return {
    no_nextupdate_age_5m: aged(5 * m),
    no_nextupdate_age_1h: aged(1 * h),
    no_nextupdate_age_26h: aged(26 * h),
    no_nextupdate_age_49h: aged(49 * h),
    no_nextupdate_age_8d: aged(8 * d),
    no_nextupdate_age_16d: aged(16 * d),
  }
}

/** Against the validity of the leaf, with producedAt on its own, and in odd spellings. */
function leafVectors({ hierarchy, now, at, saying, single, direct }: Setting): Family {
  const { h, d } = units
  const { notBefore, notAfter } = hierarchy.leaf.certificate
  const start = at(notBefore - now - d)
  const end = at(notAfter - now + d)
  const digits = (offset: number) => iso(at(offset)).replace(/\D/g, '').slice(0, 14)
  // Both times in the same spelling: OpenSSL takes the longer one for the later.
  const spelled = (spell: (digits: string) => string) =>
    saying({ thisUpdate: spell(digits(-1 * h)), nextUpdate: spell(digits(4 * d)) })
  return {
    thisupdate_before_leaf_notbefore: direct({
      producedAt: now,
      responses: [single({ thisUpdate: start })],
    }),
    nextupdate_after_leaf_expiry: saying({ nextUpdate: end }),
    producedat_before_leaf_notbefore: direct({ producedAt: start }),
    producedat_after_leaf_notafter: direct({ producedAt: end }),
    producedat_future_1h: direct({ producedAt: at(1 * h) }),
    producedat_before_thisupdate: direct({ producedAt: at(-2 * h) }),
    producedat_fractional: direct({ producedAt: `${digits(-1 * h)}.5Z` }),
    time_fractional: spelled((time) => `${time}.5Z`),
    time_noseconds: spelled((time) => `${time.slice(0, 12)}Z`),
    time_offset: spelled((time) => `${time}+0000`),
  }
}

const units = { s: SECOND_MS, m: MINUTE_MS, h: HOUR_MS, d: DAY_MS }
