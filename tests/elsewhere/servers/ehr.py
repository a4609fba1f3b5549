"""A holder's server on fhirstarter (PyPI): its routes, its forms, its checks of FHIR and its CapabilityStatement; ours is
only where the resources come from.

    pip install fhirstarter==4.2.0
    python ehr.py PORT CERTIFICATE KEY RESOURCES.json

Says "ready" on standard output with what it would not store.
"""

import json
import os
import sys
from importlib.metadata import version

os.environ["FHIR_SEQUENCE"] = "R4B"

import orjson
import uvicorn
from fhir.resources.R4B import get_fhir_model_class
from fhir.resources.R4B.bundle import Bundle
from fhirstarter import FHIRProvider, FHIRStarter, InteractionContext
from fhirstarter.exceptions import FHIRResourceNotFoundError

port, certificate, key, resources = sys.argv[1:]
HELD, REFUSED = [], []
for one in json.load(open(resources)):
    try:
        # What it cannot say again it cannot hold: fhirstarter writes no bytes (Attachment.data).
        orjson.dumps(get_fhir_model_class(one["resourceType"]).model_validate(one).model_dump())
        HELD.append(one)
    except (KeyError, TypeError, ValueError) as refusal:
        REFUSED.append({"which": f"{one['resourceType']}/{one['id']}", "why": str(refusal)})
app, provider = FHIRStarter(title="An EHR"), FHIRProvider()


def bundle(found):
    entry = [{"resource": one, "search": {"mode": "match"}} for one in found]
    return Bundle.model_validate({"resourceType": "Bundle", "type": "searchset", "total": len(found), "entry": entry})


def about(one, patient):
    wanted = "Patient/" + (patient or "").removeprefix("Patient/")
    actors = [participant.get("actor", {}) for participant in one.get("participant", [])]
    members = [one.get(member, {}) for member in ("subject", "patient", "beneficiary", "for")]
    return wanted in [named.get("reference") for named in actors + members]


def serve(name):
    model = get_fhir_model_class(name)

    @provider.read(model)
    async def read(context: InteractionContext, id_: str) -> model:
        for one in HELD:
            if one["resourceType"] == name and one["id"] == id_:
                return model.model_validate(one)
        raise FHIRResourceNotFoundError

    if name == "Patient":
        @provider.search_type(model)
        async def search(context: InteractionContext, identifier: str | None) -> Bundle:
            def bears(one):
                return any(f"{i.get('system')}|{i.get('value')}" == identifier for i in one.get("identifier", []))
            return bundle([one for one in HELD if one["resourceType"] == name and bears(one)])
    elif name == "Consent":
        @provider.search_type(model)
        async def search_by(context: InteractionContext, patient: str | None, category: str | None) -> Bundle:
            def of(one):
                codings = [coding for concept in one.get("category", []) for coding in concept.get("coding", [])]
                said = {f"{coding.get('system')}|{coding.get('code')}" for coding in codings}
                return category is None or bool(said & set(category.split(",")))
            return bundle([one for one in HELD if one["resourceType"] == name and about(one, patient) and of(one)])
    elif name not in ("Medication", "Organization", "Practitioner", "PractitionerRole", "Device", "Location"):
        @provider.search_type(model)
        async def search_of(context: InteractionContext, patient: str | None) -> Bundle:
            return bundle([one for one in HELD if one["resourceType"] == name and about(one, patient)])


for name in sorted({one["resourceType"] for one in HELD} | {"Patient", "Medication"}):
    serve(name)
app.add_providers(provider)
print("ready", json.dumps({"version": version("fhirstarter"), "refused": REFUSED}), flush=True)
uvicorn.run(app, host="127.0.0.1", port=int(port), ssl_certfile=certificate, ssl_keyfile=key, log_level="warning")
