import type { SchemaType } from './schema-type.ts';
import type { TransformerSpec } from './transformer-spec.ts';

/** What is wrong with a transformer for a schema type, each with its path in the spec. Empty: nothing. */
export function validateTransformer(schema: SchemaType, spec: TransformerSpec): string[] {
  const problems: string[] = [];
  const columns = new Set<string>();
  const headers = new Map<string, string>();
  for (const [index, { name, header, constant, default: byDefault }] of spec.columns.entries()) {
    const path = `columns[${index}]`;
    if (!schema.columns.some((column) => column.name === name)) {
      const known = schema.columns.map((column) => column.name).join(', ');
      problems.push(`${path}.name: ${schema.name} has no column ${name}. It has ${known}.`);
    }
    if (columns.has(name)) problems.push(`${path}.name: ${name} is configured twice.`);
    columns.add(name);
    if (constant !== undefined && (header !== undefined || byDefault !== undefined)) {
      problems.push(`${path}: a constant leaves no room for a header or a default. Give one of them.`);
    }
    if (header === undefined) continue;
    const owner = headers.get(header.trim());
    if (owner) problems.push(`${path}.header: "${header}" is already mapped to ${owner}.`);
    headers.set(header.trim(), name);
  }
  if (spec.timeZone !== undefined && !isTimeZone(spec.timeZone)) {
    problems.push(`timeZone: ${spec.timeZone} is not an IANA time zone, such as America/New_York.`);
  }
  return problems;
}

/** True for IANA names (`Europe/Paris`, `UTC`); offsets such as +02:00 say nothing about daylight saving. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
