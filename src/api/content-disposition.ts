/**
 * A Content-Disposition that saves the answer under this name (RFC 6266): plain ASCII for old clients, and the
 * exact name for all others, percent-encoded as RFC 8187 has it. Tenants choose these names.
 */
export function attachment(name: string): string {
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  const exact = encodeURIComponent(name.toWellFormed()).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${exact}`;
}
