import { z } from 'zod';

const NAMESPACE = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const namespaceName = z.string().max(63).regex(NAMESPACE, 'has to be the name of a namespace');

/** Settings of the operator alone, as part of `settingsSchema`. */
export const operatorSettings = {
  PIING_WATCH_NAMESPACES: z
    .string()
    .transform((list) =>
      list
        .split(',')
        .map((name) => name.trim())
        .filter(Boolean),
    )
    .pipe(z.array(namespaceName).max(100))
    .optional()
    .describe(
      'Operator: comma-separated namespaces whose Organizations and SchemaEnablements count; default: all.',
    ),
  PIING_OPERATOR_NAMESPACE: namespaceName
    .optional()
    .describe('Operator: namespace of the Lease by which replicas choose a leader; default: its own.'),
  PIING_LEASE_SECONDS: z.coerce
    .number()
    .int()
    .min(5)
    .max(300)
    .default(15)
    .describe(
      'Operator: how long a leader that says nothing is still the leader. It gives up after two thirds.',
    ),
  PIING_OPERATOR_WORKERS: z.coerce
    .number()
    .int()
    .min(1)
    .max(64)
    .default(4)
    .describe('Operator: resources of one kind that are worked on at the same time.'),
  PIING_RESYNC_SECONDS: z.coerce
    .number()
    .int()
    .min(1)
    .max(86_400)
    .default(600)
    .describe('Operator: how often everything is compared again, which heals what was changed by hand.'),
};
