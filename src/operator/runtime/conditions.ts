export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly observedGeneration?: number;
  readonly lastTransitionTime: string;
  /** One CamelCase word, from a fixed set. */
  readonly reason: string;
  readonly message: string;
}

export type NewCondition = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** The longest message that the CRDs take, less some room. */
const MAX_MESSAGE = 4_096;

/**
 * The conditions to write. `lastTransitionTime` moves only when `status` does, so that writing the same again
 * changes nothing.
 */
export function mergeConditions(
  before: readonly Condition[] | undefined,
  now: readonly NewCondition[],
  generation: number,
  time: Date,
): Condition[] {
  return now.map((condition) => {
    const known = before?.find(({ type }) => type === condition.type);
    return {
      ...condition,
      message: condition.message.slice(0, MAX_MESSAGE),
      observedGeneration: generation,
      lastTransitionTime: known?.status === condition.status ? known.lastTransitionTime : toSeconds(time),
    };
  });
}

/** `metav1.Time` has no fractions. */
export function toSeconds(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}
