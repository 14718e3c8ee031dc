// What a relying party has to compute and to check, without any display.

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

export function base64url(bytes) {
  let text = "";
  for (const byte of new Uint8Array(bytes)) text += String.fromCharCode(byte);
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function fromBase64url(text) {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) throw new Error("not base64url");
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

// 256 random bits, for the state, the nonce and the code verifier (RFC 7636 section 4.1).
export function randomText() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

// RFC 7636 section 4.2: BASE64URL(SHA256(ASCII(code_verifier))).
export async function codeChallenge(verifier) {
  return base64url(await crypto.subtle.digest("SHA-256", encoder.encode(verifier)));
}

// The parts of a JWS in compact serialisation (RFC 7515 section 7.1), nothing checked yet.
// null for a token that is none, such as an opaque access token.
export function decodeToken(token) {
  const parts = token.split(".");
  if (parts.length !== 3) return null;
  try {
    const [header, payload] = parts.slice(0, 2).map((part) => JSON.parse(decoder.decode(fromBase64url(part))));
    if (typeof header !== "object" || header === null || typeof payload !== "object" || payload === null) return null;
    return { header, payload, signature: parts[2], signed: parts[0] + "." + parts[1] };
  } catch {
    return null;
  }
}

// For each JWS algorithm: what of a JWK is the key, and how WebCrypto calls it.
const algorithms = {
  RS256: { kty: "RSA", members: ["kty", "n", "e"], key: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, verify: { name: "RSASSA-PKCS1-v1_5" }, hash: "SHA-256" },
  PS256: { kty: "RSA", members: ["kty", "n", "e"], key: { name: "RSA-PSS", hash: "SHA-256" }, verify: { name: "RSA-PSS", saltLength: 32 }, hash: "SHA-256" },
  ES256: { kty: "EC", crv: "P-256", members: ["kty", "crv", "x", "y"], key: { name: "ECDSA", namedCurve: "P-256" }, verify: { name: "ECDSA", hash: "SHA-256" }, hash: "SHA-256" },
  EdDSA: { kty: "OKP", crv: "Ed25519", members: ["kty", "crv", "x"], key: { name: "Ed25519" }, verify: { name: "Ed25519" }, hash: "SHA-512" },
};

function findKey(jwks, header) {
  const wanted = algorithms[header.alg];
  return (jwks.keys ?? []).find((key) =>
    key.kid === header.kid && key.kty === wanted.kty && (!wanted.crv || key.crv === wanted.crv) &&
    (key.use === undefined || key.use === "sig") && (key.alg === undefined || key.alg === header.alg));
}

async function verifySignature(token, key) {
  const algorithm = algorithms[token.header.alg];
  const material = Object.fromEntries(algorithm.members.map((name) => [name, key[name]]));
  const imported = await crypto.subtle.importKey("jwk", material, algorithm.key, false, ["verify"]);
  return crypto.subtle.verify(algorithm.verify, imported, fromBase64url(token.signature), encoder.encode(token.signed));
}

// OpenID Connect Core 1.0 section 3.1.3.6: the left half of the hash of the access token.
async function accessTokenHash(accessToken, algorithm) {
  const digest = await crypto.subtle.digest(algorithms[algorithm].hash, encoder.encode(accessToken));
  return base64url(digest.slice(0, digest.byteLength / 2));
}

// Seconds by which two clocks may differ.
const leeway = 10;

// A list of checks of which each has a text and passed or not.
export class Checks {
  items = [];

  expect(passed, text) {
    this.items.push({ passed: Boolean(passed), text });
    return Boolean(passed);
  }

  get passed() {
    return this.items.every((item) => item.passed);
  }
}

// Verifies an ID token as OpenID Connect Core 1.0 section 3.1.3.7 says, or as section
// 12.2 says if `expected.subject` is that of an earlier one. Returns the checks.
export async function verifyIDToken(token, jwks, expected) {
  const checks = new Checks();
  const { header, payload } = token;
  if (!checks.expect(Object.hasOwn(algorithms, header.alg) && expected.algorithms.includes(header.alg),
    `alg is ${header.alg}, which discovery lists`)) return checks;
  const key = findKey(jwks, header);
  if (!checks.expect(key, `kid ${header.kid} is in the JWK Set`)) return checks;
  const signed = await verifySignature(token, key).catch(() => false);
  if (!checks.expect(signed, `the ${header.alg} signature matches that key`)) return checks;

  const audience = [payload.aud].flat();
  const now = Date.now() / 1000;
  checks.expect(payload.iss === expected.issuer, "iss is the issuer");
  checks.expect(audience.length === 1 && audience[0] === expected.clientID, "aud is this client and nobody else");
  checks.expect(payload.azp === undefined || payload.azp === expected.clientID, "azp, if there is one, is this client");
  checks.expect(typeof payload.exp === "number" && payload.exp > now - leeway, "exp is in the future");
  checks.expect(typeof payload.iat === "number" && payload.iat < now + leeway, "iat is not");
  if (expected.subject === undefined) {
    checks.expect(typeof payload.sub === "string" && payload.sub !== "", "sub is there");
    checks.expect(payload.nonce === expected.nonce, "nonce is the one that was sent");
  } else {
    checks.expect(payload.sub === expected.subject, "sub is the same as before");
    checks.expect(payload.nonce === undefined || payload.nonce === expected.nonce, "nonce, if there is one, is the same as before");
  }
  if (payload.at_hash !== undefined) {
    checks.expect(payload.at_hash === await accessTokenHash(expected.accessToken, header.alg), "at_hash belongs to the access token");
  }
  if (expected.maxAge !== undefined) {
    checks.expect(typeof payload.auth_time === "number" && payload.auth_time > now - expected.maxAge - expected.elapsed - leeway,
      "auth_time is not longer ago than max_age");
  }
  return checks;
}
