interface Decipher {
  _packet: Uint8Array | null;
  decrypt(data: Uint8Array, position: number, length: number): unknown;
}

/**
 * ssh2's decipher for chacha20 waits for the end of a packet with a view of what has been read of it. The gateway's
 * sockets read into the same memory again, so what is kept from one read to the next has to be a copy.
 */
export function withoutViews(decipher: Decipher): Decipher {
  const decrypt = decipher.decrypt.bind(decipher);
  decipher.decrypt = (data, position, length) => {
    const result = decrypt(data, position, length);
    if (decipher._packet?.buffer === data.buffer) decipher._packet = Buffer.from(decipher._packet);
    return result;
  };
  return decipher;
}
