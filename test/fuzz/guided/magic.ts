/** What a search is measured by: four bytes, each compared only when the one before was right. */
export function openWithMagic(bytes: Uint8Array): 'refused' | 'opened' {
  if (bytes[0] !== 0x9e) return 'refused';
  if (bytes[1] !== 0x31) return 'refused';
  if (bytes[2] !== 0xc7) return 'refused';
  if (bytes[3] !== 0x58) return 'refused';
  return 'opened';
}
