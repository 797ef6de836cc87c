import type { Connection as SshConnection } from 'ssh2';

/** Client software, by the version that it announces, that cannot agree on the `modern` algorithms. */
interface OlderClient {
  readonly usedBy: string;
  readonly software: RegExp;
  readonly macs: readonly string[];
}

const OLDER_CLIENTS: readonly OlderClient[] = [
  {
    usedBy: 'curl and PHP of Debian 12: libssh2 before 1.11 has neither AES-GCM nor encrypt-then-MAC',
    software: /^libssh2_1\.(\d|10)\./,
    macs: ['hmac-sha2-256', 'hmac-sha2-512'],
  },
];

interface Entry {
  readonly array: readonly string[];
  readonly buffer: Buffer;
}

type Directed = Readonly<Record<'cipher' | 'mac' | 'compress' | 'lang', Entry>>;

/** ssh2's list of what it offers, which it sends when the client's first line has come. */
interface Offer {
  readonly lists: {
    readonly kex: Entry;
    readonly serverHostKey: Entry;
    readonly cs: Directed;
    readonly sc: Directed;
  };
}

/**
 * Offers older software the MACs that it knows, and only that software. Call it for the event `connection`, before
 * the key exchange. The client's first line is part of what both sides sign, so nobody in the middle can forge it.
 */
export function offerToOlder(connection: SshConnection, software: string): void {
  const older = OLDER_CLIENTS.find((client) => client.software.test(software));
  if (!older) return;
  const protocol = (connection as unknown as { readonly _protocol: { _offer: Offer } })._protocol;
  const { kex, serverHostKey, cs, sc } = protocol._offer.lists;
  const widened = ({ cipher, mac, compress, lang }: Directed) => ({
    cipher: cipher.buffer,
    mac: [...new Set([...mac.array, ...older.macs])],
    compress: compress.buffer,
    lang: lang.buffer,
  });
  const KexInit = protocol._offer.constructor as new (lists: object) => Offer;
  protocol._offer = new KexInit({
    kex: kex.buffer,
    serverHostKey: serverHostKey.buffer,
    cs: widened(cs),
    sc: widened(sc),
  });
}
