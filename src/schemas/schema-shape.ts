import { z } from 'zod';

const identifier = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,62}$/, 'has to be lower case: a letter, then letters, digits and _, at most 63.');

const fieldShape = z.strictObject({
  name: identifier,
  title: z.string().optional(),
  type: z.enum(['string', 'integer', 'number', 'boolean', 'date', 'datetime', 'object']),
  description: z.string().min(1),
  example: z.string().min(1),
  constraints: z
    .strictObject({
      required: z.boolean().default(false),
      enum: z
        .array(z.string().regex(/^[a-z0-9_]+$/, 'has to be lower case.'))
        .min(1)
        .optional(),
      maxLength: z.number().int().min(1).max(100_000).optional(),
      minimum: z.number().optional(),
    })
    .default({ required: false }),
  piing: z
    .strictObject({
      sqlType: z.string().optional(),
      format: z.enum(['currency', 'timeZone']).optional(),
      unit: z.enum(['minutes']).optional(),
      aliases: z.array(z.string().min(1)).default([]),
    })
    .default({ aliases: [] }),
});

/** A Frictionless Table Schema with the small extension `piing:`. */
export const fileShape = z.strictObject({
  name: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9_]{0,62}$/, 'has to be a letter, then letters, digits and _, at most 63.'),
  title: z.string().min(1),
  description: z.string().min(1),
  fields: z.array(fieldShape).min(1).max(500),
  primaryKey: z.array(identifier).min(1),
  piing: z.strictObject({
    table: identifier,
    rules: z.array(z.strictObject({ column: identifier, notBefore: identifier })).default([]),
  }),
});

export type SchemaFile = z.infer<typeof fileShape>;
export type Field = SchemaFile['fields'][number];

/** Something in a schema file, with the path of keys and list indexes that leads to it. */
export interface SchemaProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** What a file lacks or has too much, in words. */
export function shapeProblems(value: unknown): SchemaProblem[] | SchemaFile {
  const parsed = fileShape.safeParse(value);
  if (parsed.success) return parsed.data;
  return parsed.error.issues.flatMap((issue): SchemaProblem[] => {
    const path = issue.path.map((segment) => (typeof segment === 'symbol' ? String(segment) : segment));
    if (issue.code === 'unrecognized_keys') {
      const message = `is not a known field. Known here: ${knownFields(path).join(', ')}.`;
      return issue.keys.map((key) => ({ path: [...path, key], message }));
    }
    if (issue.code === 'invalid_value')
      return [{ path, message: `has to be one of ${issue.values.map(String).join(', ')}.` }];
    if (issue.code === 'invalid_type')
      return [
        {
          path,
          message: isMissing(value, path)
            ? 'is missing.'
            : `has to be ${EXPECTED[issue.expected] ?? issue.expected}.`,
        },
      ];
    return [{ path, message: `${issue.message.replace(/\.$/, '')}.` }];
  });
}

const EXPECTED: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  number: 'a number',
  object: 'a map of fields',
  string: 'a text',
};

function isMissing(value: unknown, path: readonly (string | number)[]): boolean {
  let found: unknown = value;
  for (const segment of path)
    found =
      typeof found === 'object' && found !== null ? (found as Record<string, unknown>)[segment] : undefined;
  return found === undefined;
}

function knownFields(path: readonly (string | number)[]): string[] {
  let shape: z.core.$ZodType = fileShape;
  for (const segment of path) {
    const inner = unwrapped(shape);
    if (inner instanceof z.ZodArray) shape = inner.element;
    else if (inner instanceof z.ZodObject) shape = inner.shape[String(segment)];
  }
  const inner = unwrapped(shape);
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

function unwrapped(shape: z.core.$ZodType): z.core.$ZodType {
  return shape instanceof z.ZodDefault || shape instanceof z.ZodOptional ? unwrapped(shape.unwrap()) : shape;
}
