import type { Column } from '../../schemas/schema-type.ts';
import type { ColumnSpec } from '../../schemas/transformer-spec.ts';
import { valueKey } from '../../schemas/validate-column.ts';
import { CellFault, type CellParser, quoted } from './cell.ts';

/** Values shown in a message that says what is accepted. */
const MAX_SHOWN = 20;

/** The texts of `values` that mean no value. */
export function textsForNothing(values: ColumnSpec['values']): ReadonlySet<string> | undefined {
  const nothing = Object.entries(values ?? {}).filter(([, meaning]) => meaning === '');
  return nothing.length > 0 ? new Set(nothing.map(([text]) => valueKey(text))) : undefined;
}

/**
 * What the enablement's list says a text means; other texts are read as without the list.
 * @param canonical reads what the administrator wrote
 */
export function valuesParser(
  column: Column,
  values: NonNullable<ColumnSpec['values']>,
  canonical: CellParser,
  parse: CellParser,
): CellParser {
  const meanings = new Map(
    Object.entries(values).map(([text, meaning]) => [
      valueKey(text),
      canonical(meaning, { timeZone: undefined }),
    ]),
  );
  const known = Object.keys(values).slice(0, MAX_SHOWN);
  return (text, row) => {
    const meaning = meanings.get(valueKey(text));
    if (meaning !== undefined) return meaning;
    const parsed = parse(text, row);
    if (typeof parsed === 'string' || parsed.code !== 'NOT_IN_LIST') return parsed;
    const message = `${quoted(text, column)} is not one of ${[...known, ...(column.enum ?? [])].join(', ')}.`;
    return new CellFault('NOT_IN_LIST', message);
  };
}
