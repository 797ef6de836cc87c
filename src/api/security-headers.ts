/** On every answer. All of them are data for programs: nothing may be cached, framed, sniffed or run. */
export const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
} as const;

/** For two years, on answers over TLS alone (RFC 6797, section 7.2): a trusted proxy says that it ended it. */
export const STRICT_TRANSPORT = { 'strict-transport-security': 'max-age=63072000' } as const;
