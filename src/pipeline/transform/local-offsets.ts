import { Temporal } from 'temporal-polyfill';
import { zoneAbbreviation } from '../../schemas/time-zones.ts';
import type { TransformerSpec } from '../../schemas/transformer-spec.ts';

/** Minutes of local time whose offset is remembered; a month of a restaurant has 44,640. */
const MAX_CACHED = 100_000;

/** `±HH:MM`, or why there is no answer. */
export type FoundOffset = `${'+' | '-'}${string}` | 'skipped' | 'repeated' | 'other-abbreviation';

/** Offsets of local times by zone and minute. Asking the time zone database for every row would take most of the time. */
export class LocalOffsets {
  readonly #ambiguous: TransformerSpec['ambiguousLocalTime'];
  readonly #cache = new Map<string, FoundOffset>();

  constructor(ambiguous: TransformerSpec['ambiguousLocalTime']) {
    this.#ambiguous = ambiguous;
  }

  /**
   * @param local `2026-02-20T18:30`
   * @param abbreviation what the file calls the time, such as EST: it tells apart a time that comes twice
   */
  find(local: string, timeZone: string, abbreviation?: string): FoundOffset {
    const key = `${timeZone}${local}${abbreviation ?? ''}`;
    const cached = this.#cache.get(key);
    if (cached !== undefined) return cached;
    const found = this.#compute(local, timeZone, abbreviation);
    if (this.#cache.size >= MAX_CACHED) this.#cache.clear();
    this.#cache.set(key, found);
    return found;
  }

  #compute(local: string, timeZone: string, abbreviation: string | undefined): FoundOffset {
    const time = Temporal.PlainDateTime.from(local);
    const earlier = time.toZonedDateTime(timeZone, { disambiguation: 'earlier' });
    const later = time.toZonedDateTime(timeZone, { disambiguation: 'later' });
    const isSkipped = !earlier.toPlainDateTime().equals(time);
    if (abbreviation !== undefined && !isSkipped) {
      const named = [earlier, later].find(
        (each) => zoneAbbreviation(timeZone, each.epochMilliseconds).toUpperCase() === abbreviation,
      );
      return named ? offsetMinutes(named.offset) : 'other-abbreviation';
    }
    if (earlier.offset === later.offset) return offsetMinutes(earlier.offset);
    if (this.#ambiguous === 'reject') return isSkipped ? 'skipped' : 'repeated';
    // In a gap "earlier" and "later" are moments beside it; their offsets are those of the other side.
    const chosen = this.#ambiguous === 'earlier' ? earlier : later;
    return offsetMinutes(isSkipped ? (chosen === earlier ? later : earlier).offset : chosen.offset);
  }
}

/** Offsets with seconds are of the 19th century; ISO 8601 text has none. */
const offsetMinutes = (offset: string) => offset.slice(0, 6) as FoundOffset;
