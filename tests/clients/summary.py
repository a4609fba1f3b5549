"""A vendor's first program in Python, on fhirclient: a token by backend services, then reads.

    pip install fhirclient==4.4.0 'pyjwt[crypto]==2.15.1'
    python summary.py sluis-demo huisarts-de-linde 999990032

Everything it needs stands in the folder of the demonstration: addresses, our certificate, our key.
"""

import json
import pathlib
import sys
import time
import uuid

import jwt
import requests
from fhirclient import client, server
from fhirclient.models.allergyintolerance import AllergyIntolerance
from fhirclient.models.bundle import Bundle
from fhirclient.models.patient import Patient

BSN = "http://fhir.nl/fhir/NamingSystem/bsn"


def main(folder, us, number, birth_date=None):
    folder = pathlib.Path(folder)
    region = json.loads((folder / "region.json").read_text())
    me = next(one for one in region["participants"] if one["id"] == us)
    person = next(one for one in region["people"] if one["participant"] == us)
    exchange = region["exchange"]

    smart = client.FHIRClient(settings={
        "app_id": us,
        "api_base": exchange + "/fhir",
        "scope": "system/Patient.rs system/AllergyIntolerance.rs system/MedicationRequest.rs",
        "jwt_token": assertion(folder, me, person, exchange),
    })
    # A system has no launch: without this it would ask for the scope launch/patient.
    smart.wants_patient = False
    # Mutual TLS: who we are, and whom we trust.
    smart.server.session.cert = (str(folder / me["certificate"]), str(folder / me["key"]))
    smart.server.session.verify = str(folder / "pki/ca.pem")
    # requests would let REQUESTS_CA_BUNDLE of the environment go before what is said here.
    smart.server.session.trust_env = False

    # It reads from the CapabilityStatement where tokens are given, and asks one there.
    smart.prepare()
    smart.authorize()

    # A person is looked up by number in a form: a number in an address is refused.
    found = smart.server.session.post(
        exchange + "/fhir/Patient/_search",
        # Who is no care provider names the birth date too: a mistyped number may be somebody else's.
        data={"identifier": f"{BSN}|{number}"} | ({"birthdate": birth_date} if birth_date else {}),
        headers=smart.server.auth.signed_headers({"Accept": "application/fhir+json"}),
    )
    if found.status_code != 200:
        print("refused:", found.json()["issue"][0]["details"]["text"])
        return 1
    patient = Bundle(found.json()).entry[0].resource
    print("patient:", patient.id)

    print("read:", Patient.read(patient.id, smart.server).name[0].family)
    allergies = list(AllergyIntolerance.where({"patient": patient.id}).perform_resources(smart.server))
    print("allergies:", ", ".join(one.code.coding[0].display for one in allergies))

    document = Bundle(smart.server.request_json(f"Patient/{patient.id}/$summary"))
    print("summary:", document.type, len(document.entry), "entries")
    return 0


def assertion(folder, me, person, exchange):
    """Who asks and why travels signed, in the claim `extensions`; `aud` is as registered for us."""
    key = json.loads((folder / me["jwk"]).read_text())
    now = int(time.time())
    organisation = me["identifier"]
    claims = {
        "iss": me["id"],
        "sub": me["id"],
        "aud": exchange + "/oauth/token" if me["audience"] == "smart" else exchange,
        "jti": str(uuid.uuid4()),
        "iat": now,
        "exp": now + 120,
        "extensions": {"hl7-b2b": {
            "version": "1",
            "subject_id": f"urn:sluis:person#{person['id']}",
            "subject_name": person["name"],
            "subject_role": f"{person['role']['system']}#{person['role']['code']}",
            "organization_id": f"{organisation['system']}#{organisation['value']}",
            "organization_name": me["name"],
            "purpose_of_use": ["urn:oid:2.16.840.1.113883.5.8#TREAT"],
        }},
    }
    private = jwt.PyJWK(key, algorithm="ES256").key
    return jwt.encode(claims, private, algorithm="ES256", headers={"kid": key["kid"], "typ": "JWT"})


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except (server.FHIRUnauthorizedException, server.FHIRPermissionDeniedException, requests.HTTPError) as refused:
        print("refused:", refused.response.text)
        sys.exit(1)
