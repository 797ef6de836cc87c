import assert from 'node:assert/strict';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

type Json = Readonly<Record<string, unknown>>;

interface Response {
  readonly content?: Readonly<Record<string, { readonly schema: Json }>>;
}

export interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Json }[];
  readonly requestBody?: unknown;
  readonly security?: readonly Json[];
  readonly responses: Readonly<Record<string, Response>>;
}

export interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>> };
}

export interface DescribedAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: unknown;
}

/** All servers of a run have the same document. */
let document: Promise<OpenApi> | undefined;
let ajv: Ajv2020 | undefined;
const validators = new Map<string, ValidateFunction>();

export async function openApiOf(origin: string): Promise<OpenApi> {
  const response = await fetch(`${origin}/openapi.json`);
  assert.equal(response.status, 200);
  return (await response.json()) as OpenApi;
}

/** Asserts that the document tells of the operation, and of this answer: its status, its type and its body. */
export async function assertDescribed(url: string, method: string, answer: DescribedAnswer): Promise<void> {
  const { origin, pathname } = new URL(url);
  document ??= openApiOf(origin);
  const api = await document;
  // The other way to address an upload gets the same answers, and is not described twice.
  const described = pathname.replace('/uploads/', '/upload/');
  const path = Object.keys(api.paths).find((template) => patternOf(template).test(described));
  const operation = path && api.paths[path]?.[method.toLowerCase()];
  if (!path || !operation) {
    assert.ok([401, 404, 405].includes(answer.status), `${method} ${pathname} is not described`);
    return;
  }
  const where = `${method} ${path} ${answer.status}`;
  const response = operation.responses[answer.status];
  assert.ok(response, `${where} is not described`);
  const type = answer.type.split(';', 1)[0] ?? '';
  assert.ok(response.content?.[type], `${where} is not described as ${type}`);
  if (!type.endsWith('json')) return;
  const validate = validatorOf(api, path, method.toLowerCase(), answer.status, type);
  const valid = validate(answer.body);
  assert.ok(valid, `${where}: ${JSON.stringify(validate.errors)} in ${JSON.stringify(answer.body)}`);
}

function validatorOf(api: OpenApi, path: string, method: string, status: number, type: string) {
  const steps = ['paths', path, method, 'responses', String(status), 'content', type, 'schema'];
  const pointer = steps
    .map((step) => step.replaceAll('~', '~0').replaceAll('/', '~1'))
    .map(encodeURIComponent);
  const reference = `openapi.json#/${pointer.join('/')}`;
  const known = validators.get(reference);
  if (known) return known;
  ajv ??= openApiValidator(api);
  const validate = ajv.compile({ $ref: reference });
  validators.set(reference, validate);
  return validate;
}

function openApiValidator(api: OpenApi): Ajv2020 {
  const validator = new Ajv2020({ strict: false });
  (formats as unknown as (ajv: Ajv2020) => void)(validator);
  validator.addSchema(api as object, 'openapi.json');
  return validator;
}

function patternOf(template: string): RegExp {
  return new RegExp(`^${template.replaceAll('.', '\\.').replaceAll(/\{[^}]+\}/g, '[^/]+')}$`);
}
