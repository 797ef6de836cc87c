import type { ErrorObject } from 'ajv';

/** A sentence about a value that its schema refuses, and the field below it that is meant, if any. */
export interface DescribedFault {
  readonly at?: string;
  readonly message: string;
}

/** What Ajv hands over with `verbose: true`. */
interface Fault {
  readonly value: unknown;
  readonly params: Readonly<Record<string, unknown>>;
  readonly schema: {
    readonly description?: string;
    readonly properties?: Readonly<Record<string, { readonly description?: string }>>;
  };
}

type Describe = (fault: Fault) => DescribedFault;

const DESCRIBE: Readonly<Record<string, Describe>> = {
  additionalProperties: ({ params, schema }) => {
    const known = Object.keys(schema.properties ?? {}).join(', ');
    return { at: String(params.additionalProperty), message: `is not a known field. Known here: ${known}.` };
  },
  required: ({ params, schema }) => {
    const name = String(params.missingProperty);
    return { at: name, message: `is missing. ${hint(schema.properties?.[name]?.description)}`.trim() };
  },
  type: ({ value, params, schema }) => ({ message: describeType(value, String(params.type), schema) }),
  enum: ({ value, params }) => ({
    message: `is ${shown(value)}, and has to be one of ${(params.allowedValues as string[]).map((each) => JSON.stringify(each)).join(', ')}.`,
  }),
  pattern: ({ value, params, schema }) => ({
    message: `${shown(value)} does not have the form ${params.pattern}. ${hint(schema.description)}`.trim(),
  }),
  format: ({ value, params, schema }) => ({
    message:
      `${shown(value)} is not ${FORMATS[String(params.format)] ?? params.format}. ${hint(schema.description)}`.trim(),
  }),
  minLength: ({ params }) => ({ message: `is too short: it needs at least ${params.limit} characters.` }),
  maxLength: ({ params }) => ({ message: `is too long: it may have ${params.limit} characters.` }),
  minItems: ({ params }) => ({ message: `has too few entries: it needs at least ${params.limit}.` }),
  maxItems: ({ params }) => ({ message: `has too many entries: there may be ${params.limit}.` }),
  minProperties: ({ params }) => ({ message: `has too few entries: it needs at least ${params.limit}.` }),
  maxProperties: ({ params }) => ({ message: `has too many entries: there may be ${params.limit}.` }),
  minimum: ({ value, params }) => ({ message: `is ${value}, and has to be at least ${params.limit}.` }),
  maximum: ({ value, params }) => ({ message: `is ${value}, and has to be at most ${params.limit}.` }),
};

/** Turns Ajv's error into words that name what was found and what belongs there. */
export function describeFault(error: ErrorObject): DescribedFault {
  const schema = error.parentSchema as Fault['schema'] | undefined;
  const fault: Fault = { value: error.data, params: error.params, schema: schema ?? {} };
  return DESCRIBE[error.keyword]?.(fault) ?? { message: error.message ?? 'is not accepted.' };
}

const TYPES: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  integer: 'a whole number',
  object: 'a map of fields',
  string: 'a text',
};

const FORMATS: Readonly<Record<string, string>> = {
  'date-time': 'a date and time with an offset (RFC 3339)',
};

function describeType(value: unknown, type: string, schema: Fault['schema']): string {
  const wanted = TYPES[type] ?? type;
  if (value === null) return `is empty. Give ${wanted}, or leave the field out.`;
  if (type === 'string' && typeof value !== 'object') {
    return `has to be a text, and YAML reads ${String(value)} as a ${typeof value}. Put it in quotes.`;
  }
  if (type !== 'object' && type !== 'array' && typeof value !== 'object')
    return `is ${shown(value)}, and has to be ${wanted}.`;
  return `has to be ${wanted}. ${hint(schema.description)}`.trim();
}

const SHOWN_CHARACTERS = 80;

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}

/** The first sentence of a field's description, which says what belongs there. */
function hint(description = ''): string {
  return /^.*?\.(?=\s|$)/.exec(description)?.[0] ?? description;
}
