import type { ServerConfig } from 'ssh2';
import { MLKEM768_X25519 } from './mlkem.ts';

type Algorithms = NonNullable<ServerConfig['algorithms']>;
type Kex = NonNullable<Extract<Algorithms['kex'], readonly unknown[]>>;

/** The type definitions of ssh2 do not know what the edits added. */
const MLKEM = MLKEM768_X25519 as Kex[number];

/**
 * What is offered, strongest first: no SHA-1, no CBC, no compression, and no finite-field groups, whose
 * handshakes cost four times the CPU of curve25519.
 */
const MODERN = {
  kex: [MLKEM, 'curve25519-sha256', 'curve25519-sha256@libssh.org'],
  serverHostKey: ['ssh-ed25519', 'rsa-sha2-512', 'rsa-sha2-256'],
  cipher: ['aes256-gcm@openssh.com', 'aes128-gcm@openssh.com', 'aes256-ctr', 'aes192-ctr', 'aes128-ctr'],
  hmac: ['hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256-etm@openssh.com'],
  compress: ['none'],
} as const satisfies Algorithms;

/** For Java and .NET clients of ten years ago, which know neither curve25519 nor encrypt-then-MAC. Never SHA-1. */
const COMPATIBLE = {
  ...MODERN,
  kex: [
    ...MODERN.kex,
    'ecdh-sha2-nistp256',
    'ecdh-sha2-nistp384',
    'ecdh-sha2-nistp521',
    'diffie-hellman-group16-sha512',
    'diffie-hellman-group14-sha256',
  ],
  cipher: [...MODERN.cipher, 'chacha20-poly1305@openssh.com'],
  hmac: [...MODERN.hmac, 'hmac-sha2-512', 'hmac-sha2-256'],
} as const satisfies Algorithms;

export type AlgorithmProfile = 'modern' | 'compatible';

/** ssh2 takes mutable lists only. */
export function algorithmsOf(profile: AlgorithmProfile): Algorithms {
  return structuredClone(profile === 'modern' ? MODERN : COMPATIBLE) as unknown as Algorithms;
}
