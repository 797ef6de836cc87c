import { isIP } from 'node:net';
import type { Ajv, FuncKeywordDefinition } from 'ajv';
import { z } from 'zod';

type Fields = Readonly<Record<string, unknown>>;
type DataValidateFunction = ReturnType<NonNullable<FuncKeywordDefinition['compile']>>;

interface Rule {
  /** JSON pointer of what breaks it, below what it is written for. */
  readonly about: string;
  /** What is no map of fields comes as `value`. */
  readonly holds: (self: Fields) => boolean;
}

/**
 * The CEL rules of the CRDs in TypeScript; their messages stay in the CRD. Rules about changes (`oldSelf`) are not
 * here: a file has no earlier version, and the appliers take a changed reference for a new resource.
 */
const RULES: Readonly<Record<string, Rule>> = {
  "self.metadata.name.size() <= 63 && !self.metadata.name.contains('.')": {
    about: '/metadata/name',
    holds: ({ metadata }) => {
      const name = isFields(metadata) ? metadata.name : undefined;
      return typeof name !== 'string' || (name.length <= 63 && !name.includes('.'));
    },
  },
  'isURL(self.url)': {
    about: '/url',
    holds: ({ url }) => typeof url !== 'string' || URL.canParse(url),
  },
  '!has(self.constant) || (!has(self.header) && !has(self.headers) && !has(self.default) && !has(self.format) && !has(self.values) && !has(self.nextDay))':
    {
      about: '',
      holds: (self) =>
        !('constant' in self) ||
        !['header', 'headers', 'default', 'format', 'values', 'nextDay'].some((field) => field in self),
    },
  '!has(self.header) || !has(self.headers)': {
    about: '',
    holds: (self) => !('header' in self && 'headers' in self),
  },
  '!has(self.separator) || has(self.headers)': {
    about: '/separator',
    holds: (self) => !('separator' in self) || 'headers' in self,
  },
  '!has(self.thousandsSeparator) || !has(self.decimalSeparator) || self.thousandsSeparator != self.decimalSeparator':
    {
      about: '/thousandsSeparator',
      holds: (self) =>
        self.thousandsSeparator === undefined || self.thousandsSeparator !== self.decimalSeparator,
    },
  '!has(self.maxRowErrors) || !has(self.onRowError) || self.onRowError == "skip"': {
    about: '/maxRowErrors',
    holds: (self) =>
      self.maxRowErrors === undefined || self.onRowError === undefined || self.onRowError === 'skip',
  },
  '!has(self.secretRef) || self.rotation == 1': {
    about: '',
    // Ajv fills in the default of rotation afterwards.
    holds: ({ secretRef, rotation = 1 }) => secretRef === undefined || rotation === 1,
  },
  'isCIDR(self)': { about: '', holds: ({ value }) => typeof value !== 'string' || isCidr(value) },
};

const rulesSchema = z.array(z.object({ rule: z.string(), message: z.string() }));

/** Teaches Ajv what Kubernetes adds to JSON Schema, as far as the CRDs use it. Anything else fails to compile. */
export function addKubernetesKeywords(ajv: Ajv): void {
  ajv.addFormat('date-time', isDateTime);
  // The CRDs bound their numbers by minimum and maximum.
  ajv.addFormat('int32', true);
  ajv.addFormat('int64', true);
  ajv.addKeyword({ keyword: 'x-kubernetes-validations', schemaType: 'array', compile: compileRules });
  ajv.addKeyword({ keyword: 'x-kubernetes-list-map-keys', schemaType: 'array' });
  ajv.addKeyword({ keyword: 'x-kubernetes-list-type', schemaType: 'string', compile: compileListType });
}

function compileRules(schema: unknown): DataValidateFunction {
  const rules = rulesSchema
    .parse(schema)
    .filter(({ rule }) => !/\boldSelf\b/.test(rule))
    .map(({ rule, message }) => ({ ...ruleNamed(rule), message }));
  const validate: DataValidateFunction = (data: unknown, context) => {
    const self = isFields(data) ? data : { value: data };
    const broken = rules.filter(({ holds }) => !holds(self));
    validate.errors = broken.map(({ about, message }) => ({
      keyword: 'x-kubernetes-validations',
      instancePath: `${context?.instancePath ?? ''}${about}`,
      message,
    }));
    return broken.length === 0;
  };
  return validate;
}

function ruleNamed(rule: string): Rule {
  const known = RULES[rule];
  if (!known)
    throw new Error(`The CEL rule ${rule} has no equivalent in resource-rules.ts. Add it to RULES.`);
  return known;
}

/** `set`: no value twice. `map`: no key twice, of the one field that is the key in all our lists. */
function compileListType(type: string, parent: Fields): DataValidateFunction {
  const [key] = z.array(z.string()).length(1).optional().parse(parent['x-kubernetes-list-map-keys']) ?? [];
  if (type === 'map' && key === undefined) throw new Error('A list map needs x-kubernetes-list-map-keys.');
  const keyOf = (item: unknown) => (key === undefined ? item : isFields(item) ? item[key] : undefined);
  const validate: DataValidateFunction = (data: unknown, context) => {
    const keys = Array.isArray(data) ? data.map(keyOf) : [];
    const errors = keys.flatMap((value, index) => {
      const first = keys.indexOf(value);
      if (first === index || typeof value !== 'string') return [];
      const message = `"${value}" is there twice, as entries ${first} and ${index}. Remove one.`;
      const path = `${context?.instancePath ?? ''}/${index}${key === undefined ? '' : `/${key}`}`;
      return [{ keyword: 'x-kubernetes-list-type', message, instancePath: path }];
    });
    validate.errors = errors;
    return errors.length === 0;
  };
  return validate;
}

const DATE_TIME = /^(\d{4})-(\d{2})-(\d{2})T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

/** RFC 3339. JavaScript reads 30 February as 2 March, so the day is looked at again. */
function isDateTime(text: string): boolean {
  const [, year = '', month = '', day = ''] = DATE_TIME.exec(text) ?? [];
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  return year > '0000' && !Number.isNaN(Date.parse(text)) && date.getUTCDate() === Number(day);
}

function isCidr(text: string): boolean {
  const [, network = '', prefix = ''] = /^([0-9a-fA-F.:]+)\/(0|[1-9]\d{0,2})$/.exec(text) ?? [];
  const version = isIP(network);
  // CEL refuses IPv4 in IPv6's clothes (::ffff:192.0.2.0), and addresses are compared without them here.
  if (version === 6 && network.includes('.')) return false;
  return version !== 0 && Number(prefix) <= (version === 4 ? 32 : 128);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
