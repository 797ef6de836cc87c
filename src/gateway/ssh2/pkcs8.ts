import { createPrivateKey, createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import { sshString } from './messages.ts';

const PKCS8 = /^-----BEGIN PRIVATE KEY-----/;
/** Of an ed25519 key: the seed, and the public key. */
const ED25519_BYTES = 32;
/** To which OpenSSH pads what is not encrypted. */
const BLOCK_BYTES = 8;

/**
 * The same key in a form that ssh2 reads. It knows OpenSSH's own and the older PEM forms, but not PKCS#8 (RFC 5958),
 * which `openssl genpkey` writes and Helm's `genPrivateKey`.
 */
export function withoutPkcs8(privateKey: string): string {
  const text = privateKey.trim();
  if (!PKCS8.test(text)) return privateKey;
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch {
    // ssh2 says why it cannot be used.
    return privateKey;
  }
  switch (key.asymmetricKeyType) {
    case 'ed25519':
      return openSshEd25519(key);
    case 'rsa':
      return key.export({ format: 'pem', type: 'pkcs1' }).toString();
    case 'ec':
      return key.export({ format: 'pem', type: 'sec1' }).toString();
    default:
      return privateKey;
  }
}

/** PROTOCOL.key of OpenSSH, which has the only form that ssh2 knows for this type. */
function openSshEd25519(key: KeyObject): string {
  const seed = key.export({ format: 'der', type: 'pkcs8' }).subarray(-ED25519_BYTES);
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-ED25519_BYTES);
  const publicPart = Buffer.concat([sshString('ssh-ed25519'), sshString(publicKey)]);
  const check = randomBytes(4);
  const comment = sshString('');
  const secret = Buffer.concat([
    check,
    check,
    publicPart,
    sshString(Buffer.concat([seed, publicKey])),
    comment,
  ]);
  const padding = Buffer.from(
    Array.from({ length: (BLOCK_BYTES - (secret.length % BLOCK_BYTES)) % BLOCK_BYTES }, (_, i) => i + 1),
  );
  const whole = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    sshString('none'),
    sshString('none'),
    sshString(''),
    Buffer.from([0, 0, 0, 1]),
    sshString(publicPart),
    sshString(Buffer.concat([secret, padding])),
  ]);
  const lines = whole.toString('base64').match(/.{1,70}/g) ?? [];
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...lines, '-----END OPENSSH PRIVATE KEY-----', ''].join(
    '\n',
  );
}
