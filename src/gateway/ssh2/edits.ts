import { expectSsh2Version, loadEdited, requireSsh2File } from './edited-module.ts';
import { withoutViews } from './kept-packet.ts';
import { cryptoWithKeyObjects } from './key-objects.ts';
import { expectMlkem, MLKEM768_X25519, mlkemExchange } from './mlkem.ts';

/**
 * Changes ssh2 in five places before anything loads it; docs/decisions/0006 says why, and what makes each
 * unnecessary. Importing this module is what applies them. The order matters: kex.js builds its lists from
 * constants.js, which loads crypto.js.
 */
expectSsh2Version();
expectMlkem();

loadEdited(
  'lib/protocol/crypto.js',
  [
    { replace: "} = require('crypto');", by: '} = module.injected;' },
    {
      replace: ': new ChaChaPolyDecipherNative(config));',
      by: ': module.injected.withoutViews(new ChaChaPolyDecipherNative(config)));',
    },
  ],
  { ...cryptoWithKeyObjects, withoutViews },
);

const constants = requireSsh2File<{ DEFAULT_KEX: string[]; SUPPORTED_KEX: string[] }>(
  'lib/protocol/constants.js',
);
constants.DEFAULT_KEX.unshift(MLKEM768_X25519);
constants.SUPPORTED_KEX.unshift(MLKEM768_X25519);

const UNSUPPORTED = '      throw new Error(`Unsupported key exchange algorithm: $' + '{kexType}`);';
loadEdited(
  'lib/protocol/kex.js',
  [
    {
      replace: UNSUPPORTED,
      by: `      if (kexType === '${MLKEM768_X25519}')\n        return new (module.injected(KeyExchange))(...args);\n${UNSUPPORTED}`,
    },
  ],
  oncePerClass(mlkemExchange),
);

// EXT_INFO lists signatures of public keys, which nobody can log in with; ssh2's list has SHA-1 and a missing comma.
loadEdited('lib/protocol/Protocol.js', [{ replace: '        sendExtInfo(this);', by: '        ;' }]);

// ssh2 offers ssh-rsa, which signs with SHA-1, for every RSA host key, whatever `serverHostKey` says.
loadEdited('lib/server.js', [{ replace: 'sha1Pos = Infinity;', by: ';' }]);

function oncePerClass<Class extends object, Made>(make: (from: Class) => Made): (from: Class) => Made {
  const made = new WeakMap<Class, Made>();
  return (from) => {
    const before = made.get(from);
    if (before !== undefined) return before;
    const result = make(from);
    made.set(from, result);
    return result;
  };
}
