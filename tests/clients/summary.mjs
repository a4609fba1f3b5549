// A vendor's first program in JavaScript, on fhir-kit-client: a token by backend services, a search with its pages, and the
// summary.
//
//     npm install fhir-kit-client@2.0.3 undici@6.22.0
//     node summary.mjs sluis-demo huisarts-de-linde 999990032
//
// Everything it needs stands in the folder of the demonstration: addresses, our certificate, our key.

import { createPrivateKey, randomUUID, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'fhir-kit-client';
import { Agent, setGlobalDispatcher } from 'undici';

const BSN = 'http://fhir.nl/fhir/NamingSystem/bsn';
const [folder, us, number, birthDate] = process.argv.slice(2);
const file = (name) => readFileSync(join(folder, name));
const region = JSON.parse(file('region.json'));
const me = region.participants.find((one) => one.id === us);
const person = region.people.find((one) => one.participant === us);
const base = `${region.exchange}/fhir`;

// Mutual TLS: who we are, and whom we trust.
setGlobalDispatcher(new Agent({ connect: { cert: file(me.certificate), key: file(me.key), ca: file('pki/ca.pem') } }));

// Who asks and why travels signed, in the claim `extensions`; `aud` is as registered for us.
function assertion() {
  const jwk = JSON.parse(file(me.jwk));
  const now = Math.floor(Date.now() / 1000);
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = {
    iss: us, sub: us, jti: randomUUID(), iat: now, exp: now + 120,
    aud: me.audience === 'smart' ? `${region.exchange}/oauth/token` : region.exchange,
    extensions: { 'hl7-b2b': {
      version: '1',
      subject_id: `urn:sluis:person#${person.id}`,
      subject_name: person.name,
      subject_role: `${person.role.system}#${person.role.code}`,
      organization_id: `${me.identifier.system}#${me.identifier.value}`,
      organization_name: me.name,
      purpose_of_use: ['urn:oid:2.16.840.1.113883.5.8#TREAT'],
    } },
  };
  const signed = `${part({ alg: 'ES256', typ: 'JWT', kid: jwk.kid })}.${part(claims)}`;
  const key = createPrivateKey({ key: jwk, format: 'jwk' });
  return `${signed}.${sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

// fhir-kit-client reads where tokens are given; the grant itself is a form of our own.
const client = new Client({ baseUrl: base });
const { tokenUrl } = await client.smartAuthMetadata();
const granted = await fetch(tokenUrl, {
  method: 'POST',
  body: new URLSearchParams({
    grant_type: 'client_credentials',
    scope: 'system/Patient.rs system/Observation.rs system/MedicationRequest.rs',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion(),
  }),
});
const token = await granted.json();
if (!granted.ok) {
  console.log('refused:', token.error);
  process.exit(1);
}
client.bearerToken = token.access_token;

try {
  // A person is looked up by number in a form: a number in an address is refused.
  const found = await client.search({
    resourceType: 'Patient',
    // Who is no care provider names the birth date too: a mistyped number may be somebody else's.
    searchParams: { identifier: `${BSN}|${number}`, ...(birthDate && { birthdate: birthDate }) },
    options: { postSearch: true },
  });
  const patient = found.entry[0].resource.id;
  console.log('patient:', patient);

  let page = await client.search({ resourceType: 'Observation', searchParams: { patient, _count: 2 } });
  let [pages, observations] = [0, 0];
  while (page) {
    pages += 1;
    observations += (page.entry ?? []).length;
    page = await client.nextPage({ bundle: page });
  }
  console.log('observations:', observations, 'on', pages, 'pages');

  const document = await client.operation({ name: 'summary', resourceType: 'Patient', id: patient, method: 'GET' });
  console.log('summary:', document.type, document.entry.length, 'entries');
} catch (error) {
  console.log('refused:', error.response?.data?.issue?.[0]?.details?.text ?? error.message);
  process.exit(1);
}
