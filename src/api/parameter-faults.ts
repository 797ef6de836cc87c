import type { FastifySchemaValidationError } from 'fastify';
import { NO_UPLOAD } from './own-upload.ts';
import { Problem } from './problems.ts';

/** What Ajv adds with `verbose`: the schema that was not met. */
interface VerboseError extends FastifySchemaValidationError {
  readonly parentSchema?: Readonly<Record<string, unknown>>;
}

/** How the framework validates: text becomes a number where one is wanted, and nothing is dropped silently. */
export const VALIDATION = {
  coerceTypes: true,
  removeAdditional: false,
  allErrors: false,
  verbose: true,
} as const;

/** Tells a parameter that does not meet its route's schema. What is no upload id is told like an unknown one. */
export function explainParameterFault(
  errors: readonly FastifySchemaValidationError[],
  part: string,
): Problem {
  if (part === 'params') return new Problem('NOT_FOUND', NO_UPLOAD);
  // Of alternatives, the last error is the one about all of them.
  const error = errors.at(-1) as VerboseError | undefined;
  const { additionalProperty, missingProperty } = error?.params ?? {};
  if (additionalProperty !== undefined)
    return new Problem('INVALID_PARAMETER', `There is no parameter ${quoted(additionalProperty)} here.`);
  const name = error?.instancePath.slice(1) || String(missingProperty ?? part);
  return new Problem(
    'INVALID_PARAMETER',
    `The parameter ${name} has to be ${expected(error?.parentSchema)}.`,
  );
}

function expected(schema: VerboseError['parentSchema'] = {}): string {
  if (Array.isArray(schema.enum)) return `one of ${schema.enum.join(', ')}`;
  if (schema.type === 'integer') return `a whole number from ${schema.minimum} to ${schema.maximum}`;
  if (schema.anyOf !== undefined)
    return 'a day or a time with its offset, such as 2026-02-20 or 2026-02-20T08:00:00Z';
  return `a text of ${schema.minLength ?? 0} to ${schema.maxLength ?? 'some'} characters, given once`;
}

/** Names come from the client: shown in part only. */
function quoted(name: unknown): string {
  return JSON.stringify(String(name).slice(0, 40));
}
