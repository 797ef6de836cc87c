import { text, uint32 } from '../../support/raw-sftp.ts';
import { kexInit } from '../../support/raw-ssh.ts';

/** Begin a list of packets: to be sent as they are before keys are exchanged, or encrypted. */
export const LIST_MARK = 'p'.charCodeAt(0);
export const SEALED_MARK = 'e'.charCodeAt(0);

const BANNER = Buffer.from('SSH-2.0-fuzz\r\n');

const list = (mark: number, ...payloads: Buffer[]) =>
  Buffer.concat([
    Buffer.from([mark]),
    ...payloads.flatMap((each) => [Buffer.from([each.length >> 8, each.length & 0xff]), each]),
  ]);
const plain = (...payloads: Buffer[]) => list(LIST_MARK, BANNER, ...payloads);
const sealed = (...payloads: Buffer[]) => list(SEALED_MARK, ...payloads);
const message = (type: number, ...fields: Buffer[]) => Buffer.concat([Buffer.from([type]), ...fields]);

/** Without its cookie, so that a search can be repeated. */
function offer(kex: string, guessFollows = false): Buffer {
  const bytes = kexInit({ kex, guessFollows });
  bytes.fill(7, 1, 17);
  return bytes;
}

const login = (method: string, ...fields: Buffer[]) =>
  message(50, text('piing_a'), text('ssh-connection'), text(method), ...fields);
const no = Buffer.from([0]);
const service = message(5, text('ssh-userauth'));

export function seeds(): Buffer[] {
  return [
    BANNER,
    Buffer.from('SSH-1.99-x y\r\n'),
    Buffer.from('SSH-2.0-libssh2_1.10.0\r\n'),
    plain(offer('curve25519-sha256'), message(30, text(Buffer.alloc(32, 9)))),
    plain(offer('mlkem768x25519-sha256'), message(30, text(Buffer.alloc(1_216, 9)))),
    plain(offer('ecdh-sha2-nistp256,curve25519-sha256', true), message(30, text(Buffer.alloc(65, 4)))),
    plain(offer('diffie-hellman-group14-sha256,kex-strict-c-v00@openssh.com,ext-info-c')),
    plain(message(2, text('ignored')), message(4, no, text('debug'), text('en')), message(3, uint32(1))),
    plain(message(1, uint32(2), text('bye'), text('en'))),
    sealed(service, login('none')),
    sealed(service, login('password', no, text('x'))),
    sealed(service, login('password', Buffer.from([1]), text('x'), text('y'))),
    sealed(service, login('publickey', no, text('ssh-ed25519'), text(Buffer.alloc(51)))),
    sealed(service, login('keyboard-interactive', text(''), text(''))),
    sealed(service, login('hostbased', text('ssh-rsa'), text('k'), text('host'), text('user'), text('s'))),
    sealed(
      message(80, text('hostkeys-prove-00@openssh.com'), Buffer.from([1])),
      message(90, text('session')),
    ),
    sealed(message(7, uint32(1), text('server-sig-algs'), text('x')), message(21), message(20)),
    sealed(offer('curve25519-sha256'), message(98, uint32(0), text('subsystem'), no, text('sftp'))),
  ];
}

export const TOKENS = [
  ...['SSH-2.0-', 'SSH-1.99-', '\r\n', 'ssh-userauth', 'ssh-connection', 'none', 'password', 'publickey'],
  ...[
    'keyboard-interactive',
    'hostbased',
    'ssh-ed25519',
    'rsa-sha2-256',
    'ecdsa-sha2-nistp256',
    'ext-info-c',
  ],
  ...['kex-strict-c-v00@openssh.com', 'aes256-gcm@openssh.com', 'hmac-sha2-256', 'zlib@openssh.com', ','],
  ...['mlkem768x25519-sha256', 'curve25519-sha256', 'ecdh-sha2-nistp256', 'diffie-hellman-group14-sha256'],
  ...[1, 2, 5, 20, 21, 30, 50, 80, 90, 98].map((type) => Buffer.from([type])),
  ...[text(''), uint32(0xffffffff), uint32(0x40000)],
];
