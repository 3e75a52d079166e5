/** The namespace of every signature asked for: one made for files, git or mail does not count here. */
export const NAMESPACE = 'middlewatch';

/** A public key whose signatures count, and when. Moments in ms since the epoch; null: without end. */
export interface SignerKey {
  type: string;
  /** The key as SSH encodes it, in base64. */
  blob: string;
  validAfter: number | null;
  validBefore: number | null;
}

const TYPES = [
  'ssh-ed25519',
  'ssh-rsa',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'sk-ssh-ed25519@openssh.com',
  'sk-ecdsa-sha2-nistp256@openssh.com',
];

const OPTION = /^([a-z-]+)(?:="([^"]*)")?(?:,|\s+|$)/;
const MOMENT = /^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?Z$/;

/** What is not a key of somebody who signs: in words that fit behind it. */
export class NoSignerKey extends Error {
  constructor(what: string) {
    super(what);
    this.name = 'NoSignerKey';
  }
}

/** A moment as allowed signers have it, in UTC; in ms since the epoch. */
function moment(option: string, written = ''): number {
  const [, year, month, day, hour = '00', minute = '00', second = '00'] = MOMENT.exec(written) ?? [];
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (!Number.isNaN(at)) return at;
  throw new NoSignerKey(`has ${option}="${written}"; write it in UTC, with its Z, like 20261231Z or 202612312359Z`);
}

/** The options in front of a key, and what follows them. */
function options(line: string): { validAfter: number | null; validBefore: number | null; rest: string } {
  const found = { validAfter: null as number | null, validBefore: null as number | null, rest: line };
  while (!TYPES.some((type) => found.rest.startsWith(`${type} `))) {
    const [whole, name, value] = OPTION.exec(found.rest) ?? [];
    if (name === 'valid-after') found.validAfter = moment(name, value);
    else if (name === 'valid-before') found.validBefore = moment(name, value);
    else if (name === 'namespaces') {
      if (!value?.split(',').includes(NAMESPACE)) throw new NoSignerKey(`is not for the namespace ${NAMESPACE}`);
    } else if (name === 'cert-authority') {
      throw new NoSignerKey('is a certificate authority; name the key of the person itself');
    } else {
      throw new NoSignerKey(
        'is no public key; write it like ssh-ed25519 AAAA…, as in the .pub file, options such as valid-before="20261231Z" before it',
      );
    }
    found.rest = found.rest.slice(whole?.length);
  }
  return found;
}

/**
 * Reads the key of a person: a line of a `.pub` file, with the options of an allowed signers file before it.
 * @see ssh-keygen(1), ALLOWED SIGNERS
 * @throws NoSignerKey
 */
export function signerKey(line: string): SignerKey {
  const { rest, ...valid } = options(line.trim());
  const [type = '', blob = ''] = rest.split(/\s+/);
  const bytes = Buffer.from(blob, 'base64');
  // The encoded key begins with its own type, behind a length of 4 bytes.
  const inside = bytes.subarray(4, 4 + type.length).toString('latin1');
  if (bytes.toString('base64') !== blob || inside !== type || bytes.readUInt32BE(0) !== type.length) {
    throw new NoSignerKey(`is damaged: what stands behind ${type} is no key of this type; copy the .pub file again`);
  }
  return { type, blob, ...valid };
}
