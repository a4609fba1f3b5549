// An OpenID Connect provider that nobody here wrote (oidc-provider from the npm registry), over TLS, with its own sign-in pages.
// node oidc-provider.mjs PORT CERT KEY REDIRECT JWKS_URI, where node_modules has it. Says "ready" on standard output.
import fs from 'node:fs';
import https from 'node:https';
import { createRequire } from 'node:module';
import { generateKeyPairSync } from 'node:crypto';
import { pathToFileURL } from 'node:url';

const [port, cert, key, redirect, jwks] = process.argv.slice(2);
const found = createRequire(process.cwd() + '/').resolve('oidc-provider');
const { Provider } = await import(pathToFileURL(found));
const issuer = `https://localhost:${port}`;
const pair = (type, options) => generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' });
const provider = new Provider(issuer, {
  clients: [{
    client_id: 'sluis-portal', redirect_uris: [redirect], response_types: ['code'], grant_types: ['authorization_code'],
    token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'ES256', jwks_uri: jwks,
    id_token_signed_response_alg: 'ES256',
  }],
  jwks: { keys: [
    { ...pair('ec', { namedCurve: 'P-256' }), use: 'sig', alg: 'ES256', kid: 'es' },
    { ...pair('rsa', { modulusLength: 2048 }), use: 'sig', alg: 'RS256', kid: 'rs' },
  ] },
  cookies: { keys: ['a-key-for-this-test-alone'] },
  pkce: { required: () => true },
  responseTypes: ['code'],
  // It fetches nothing from this machine unless told to: here our keys are on it.
  fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
});
for (const event of ['grant.error', 'authorization.error', 'server_error'])
  provider.on(event, (_, error) => console.error(event, error.message, error.error_detail));
https.createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) }, provider.callback())
  .listen(Number(port), '127.0.0.1', () => console.log('ready'));
