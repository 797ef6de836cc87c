/** SFTP version 3, draft-ietf-secsh-filexfer-02: the version that OpenSSH and every common client speaks. */
export const VERSION = 3;

export const PACKET = {
  INIT: 1,
  VERSION: 2,
  OPEN: 3,
  CLOSE: 4,
  READ: 5,
  WRITE: 6,
  LSTAT: 7,
  FSTAT: 8,
  SETSTAT: 9,
  FSETSTAT: 10,
  OPENDIR: 11,
  READDIR: 12,
  REMOVE: 13,
  MKDIR: 14,
  RMDIR: 15,
  REALPATH: 16,
  STAT: 17,
  RENAME: 18,
  READLINK: 19,
  SYMLINK: 20,
  STATUS: 101,
  HANDLE: 102,
  DATA: 103,
  NAME: 104,
  ATTRS: 105,
  EXTENDED: 200,
  EXTENDED_REPLY: 201,
} as const;

/** Status codes of version 3; there are no others. */
export const STATUS = {
  OK: 0,
  EOF: 1,
  NO_SUCH_FILE: 2,
  PERMISSION_DENIED: 3,
  FAILURE: 4,
  BAD_MESSAGE: 5,
  OP_UNSUPPORTED: 8,
} as const;

export type StatusCode = (typeof STATUS)[keyof typeof STATUS];

export const OPEN_FLAG = {
  READ: 0x01,
  WRITE: 0x02,
  APPEND: 0x04,
  CREAT: 0x08,
  TRUNC: 0x10,
  EXCL: 0x20,
} as const;

export const ATTR_FLAG = {
  SIZE: 0x01,
  UIDGID: 0x02,
  PERMISSIONS: 0x04,
  ACMODTIME: 0x08,
  EXTENDED: 0x80000000,
} as const;

/** Bits of `st_mode` that say what an entry is. */
export const MODE = { DIRECTORY: 0o040000, FILE: 0o100000 } as const;

/** Longest packet, its length field not counted: OpenSSH's own limit. */
export const MAX_PACKET_BYTES = 256 * 1024;
/** Most data in one WRITE; told to clients by `limits@openssh.com`. */
export const MAX_WRITE_BYTES = MAX_PACKET_BYTES - 1024;

/** The client broke the protocol; the channel ends. */
export class SftpProtocolError extends Error {
  override readonly name = 'SftpProtocolError';
}
