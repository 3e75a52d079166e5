import { createHash, createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto';

/** This text is no SSH signature that can be read. */
export class NoSignature extends Error {
  constructor(what: string) {
    super(`This is no SSH signature: ${what}. Paste all of it, from BEGIN to END.`);
    this.name = 'NoSignature';
  }
}

/** An SSH signature taken apart. @see PROTOCOL.sshsig of OpenSSH */
export interface SshSignature {
  /** The public key it was made with, as SSH encodes it, in base64. */
  key: string;
  namespace: string;
  hash: string;
  /** The signature itself, as SSH encodes it. */
  signature: Buffer;
}

const MAGIC = Buffer.from('SSHSIG');
const ARMOR = /-----BEGIN SSH SIGNATURE-----([A-Za-z0-9+/=\s]+)-----END SSH SIGNATURE-----/;

/** Reads what SSH encodes, from front to back. @throws RangeError at its end */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }
  take(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw new RangeError('it is cut short');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
  uint32(): number {
    return this.take(4).readUInt32BE();
  }
  string(): Buffer {
    return this.take(this.uint32());
  }
  text(): string {
    return this.string().toString('latin1');
  }
}

const string = (bytes: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
};

/** Reads an armored signature, as `ssh-keygen -Y sign` writes it. @throws NoSignature */
export function readSignature(text: string): SshSignature {
  const body = ARMOR.exec(text)?.[1];
  if (body === undefined) throw new NoSignature('it does not stand between BEGIN and END SSH SIGNATURE');
  try {
    const reader = new Reader(Buffer.from(body.replace(/\s/g, ''), 'base64'));
    if (!reader.take(MAGIC.length).equals(MAGIC)) throw new NoSignature('it is of another format');
    if (reader.uint32() !== 1) throw new NoSignature('it is of another version');
    const key = reader.string().toString('base64');
    const namespace = reader.text();
    reader.string();
    return { key, namespace, hash: reader.text(), signature: reader.string() };
  } catch (error) {
    if (error instanceof RangeError) throw new NoSignature(error.message);
    throw error;
  }
}

/** A key as people compare it: `SHA256:…`. */
export function fingerprint(key: string): string {
  const digest = createHash('sha256').update(Buffer.from(key, 'base64')).digest('base64');
  return `SHA256:${digest.replace(/=+$/, '')}`;
}

const url = (bytes: Buffer): string => bytes.toString('base64url');
/** A number without the sign byte that SSH puts before it. */
const unsigned = (bytes: Buffer): Buffer => (bytes[0] === 0 ? bytes.subarray(1) : bytes);

const CURVES: Record<string, { crv: string; bytes: number; hash: string }> = {
  nistp256: { crv: 'P-256', bytes: 32, hash: 'sha256' },
  nistp384: { crv: 'P-384', bytes: 48, hash: 'sha384' },
  nistp521: { crv: 'P-521', bytes: 66, hash: 'sha512' },
};

type Judge = (data: Buffer, signed: Buffer, algorithm: string) => boolean;

/** r and s of a signature, each of that many bytes. */
function pair(signed: Buffer, bytes: number): Buffer {
  const reader = new Reader(signed);
  const padded = () => {
    const number = unsigned(reader.string());
    return Buffer.concat([Buffer.alloc(Math.max(0, bytes - number.length)), number]);
  };
  return Buffer.concat([padded(), padded()]);
}

/** How a signature by this key is judged, and what the key belongs to when it is one of a hardware token. */
function judgeOf(key: string): { judge: Judge; application?: Buffer } {
  const reader = new Reader(Buffer.from(key, 'base64'));
  const type = reader.text();
  const token = type.startsWith('sk-');
  const made = (jwk: JsonWebKey): KeyObject => createPublicKey({ key: jwk, format: 'jwk' });
  if (type.endsWith('ssh-rsa')) {
    const [e, n] = [reader.string(), reader.string()];
    const rsa = made({ kty: 'RSA', e: url(unsigned(e)), n: url(unsigned(n)) });
    const hashes: Record<string, string> = { 'rsa-sha2-256': 'sha256', 'rsa-sha2-512': 'sha512' };
    return {
      judge: (data, signed, algorithm) => {
        const hash = hashes[algorithm];
        return hash !== undefined && verify(hash, data, rsa, signed);
      },
    };
  }
  if (type.includes('ed25519')) {
    const ed = made({ kty: 'OKP', crv: 'Ed25519', x: url(reader.string()) });
    const judge: Judge = (data, signed, algorithm) => algorithm === type && verify(null, data, ed, signed);
    return token ? { judge, application: reader.string() } : { judge };
  }
  const curve = CURVES[reader.text()];
  if (curve === undefined) throw new NoSignature(`keys of type ${type} are not known here`);
  const { crv, bytes, hash } = curve;
  const point = reader.string();
  const ec = made({
    kty: 'EC',
    crv,
    x: url(point.subarray(1, 1 + bytes)),
    y: url(point.subarray(1 + bytes)),
  });
  const judge: Judge = (data, signed, algorithm) =>
    algorithm === type && verify(hash, data, { key: ec, dsaEncoding: 'ieee-p1363' }, pair(signed, bytes));
  return token ? { judge, application: reader.string() } : { judge };
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest();

/**
 * Whether a signature is of exactly this text, by the key it names. Whose key that is, is for the caller to know.
 * Checked here and not by a program, so that everybody who reads a journal comes to the same verdict.
 * @see PROTOCOL.sshsig and PROTOCOL.u2f of OpenSSH
 */
export function signs({ key, namespace, hash, signature }: SshSignature, text: string): boolean {
  if (hash !== 'sha512' && hash !== 'sha256') return false;
  try {
    const digest = createHash(hash).update(text, 'utf8').digest();
    const head = [Buffer.from(namespace, 'latin1'), Buffer.alloc(0), Buffer.from(hash), digest].map(string);
    const data = Buffer.concat([MAGIC, ...head]);
    const { judge, application } = judgeOf(key);
    const reader = new Reader(signature);
    const algorithm = reader.text();
    const signed = reader.string();
    // A token signs hashes, and with them whether it was touched and how often it has signed: 1 and 4 bytes.
    const covered = application ? Buffer.concat([sha256(application), reader.take(5), sha256(data)]) : data;
    return judge(covered, signed, algorithm);
  } catch (error) {
    if (error instanceof RangeError || error instanceof NoSignature) return false;
    // What OpenSSL cannot make a key of, nobody has signed with.
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}
