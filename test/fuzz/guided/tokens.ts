/** The ways in which a format may write what stands in its parser's code. */
export function tokensOf(literals: Iterable<string | number | Uint8Array>): Buffer[] {
  const tokens = new Map<string, Buffer>();
  for (const literal of literals)
    for (const token of formsOf(literal)) tokens.set(token.toString('latin1'), token);
  return [...tokens.values()];
}

function formsOf(literal: string | number | Uint8Array): Buffer[] {
  if (typeof literal !== 'number') return [Buffer.from(literal as string)];
  const forms = [Buffer.from(String(literal))];
  if (!Number.isInteger(literal) || literal < 0 || literal > 0xffffffff) return forms;
  const wide = Buffer.alloc(4);
  wide.writeUInt32BE(literal);
  if (literal <= 0xff) forms.push(wide.subarray(3));
  forms.push(wide);
  return forms;
}
