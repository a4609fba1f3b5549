//! The words of refusals: what happened and what the sender can do. No personal data, no cause that depends on a person.

use super::{Code, Language};

/// The text of a code.
pub(super) fn of(code: Code, language: Language) -> &'static str {
    let (nl, en) = both(code);
    match language {
        Language::Nl => nl,
        Language::En => en,
    }
}

fn both(code: Code) -> (&'static str, &'static str) {
    match code {
        Code::QueryNotSupported => (
            "Deze vraag hoort niet bij wat Sluis beantwoordt. Gebruik alleen de combinaties van type, parameter en waarde die in /fhir/metadata staan; niets wordt stilzwijgend genegeerd.",
            "This request is not one that Sluis answers. Use only the combinations of type, parameter and value listed in /fhir/metadata; nothing is silently ignored.",
        ),
        Code::BodyInvalid => (
            "De inhoud van het bericht klopt niet. Stuur geldige JSON volgens FHIR R4, met de verplichte onderdelen; zie /openapi.json.",
            "The body is not valid. Send well-formed JSON in the shape of FHIR R4 with all required parts; see /openapi.json.",
        ),
        Code::BsnInUrl => (
            "In dit adres staat een burgerservicenummer. Adressen worden bewaard in logboeken: zoek de persoon met POST /fhir/Patient/_search en gebruik daarna het id uit het antwoord. Het nummer is niet vastgelegd.",
            "This address contains a citizen service number (BSN). Addresses end up in logs: find the person with POST /fhir/Patient/_search and use the id from that answer. The number was not recorded.",
        ),
        Code::TokenInvalid => (
            "Het toegangsbewijs is niet geldig voor deze verbinding. Vraag met het certificaat van deze verbinding een nieuw token aan bij /oauth/token en stuur het als 'Authorization: Bearer'.",
            "The access token is not valid on this connection. Request a new token at /oauth/token with the certificate of this connection and send it as 'Authorization: Bearer'.",
        ),
        Code::NotPermitted => (
            "Hiervoor is geen toestemming of andere grondslag bekend. Of er gegevens zijn, wordt niet gezegd.",
            "No consent or other basis for this is known. Whether any data exists is not said.",
        ),
        Code::NotFound => (
            "Dit adres bestaat niet. De FHIR-dienst staat onder /fhir; wat er is, staat in /fhir/metadata.",
            "This address does not exist. The FHIR service is under /fhir; /fhir/metadata says what there is.",
        ),
        Code::NotAcceptable => (
            "Sluis antwoordt alleen met application/fhir+json, fhirVersion 4.0. Laat Accept weg of vraag application/fhir+json.",
            "Sluis answers with application/fhir+json, fhirVersion 4.0 only. Leave Accept out or ask for application/fhir+json.",
        ),
        Code::Conflict => (
            "Dit botst met wat al is vastgelegd. Lees de huidige stand en stuur de wijziging opnieuw.",
            "This conflicts with what is already recorded. Read the present state and send the change again.",
        ),
        Code::VersionConflict => (
            "Intussen is er een nieuwere versie. Lees die, verwerk uw wijziging daarin en stuur If-Match met de nieuwe ETag.",
            "A newer version exists by now. Read it, apply your change to it and send If-Match with the new ETag.",
        ),
        Code::TooLarge => (
            "Het bericht of het antwoord is groter dan toegestaan. Stuur ten hoogste 1 MiB; vraag minder tegelijk met _count, een categorie of een datum.",
            "The body or the answer is larger than allowed. Send at most 1 MiB; ask for less at once with _count, a category or a date.",
        ),
        Code::UnsupportedMediaType => (
            "Dit soort inhoud wordt hier niet gelezen. Gebruik application/fhir+json; voor _search application/x-www-form-urlencoded.",
            "This kind of content is not read here. Use application/fhir+json; for _search application/x-www-form-urlencoded.",
        ),
        Code::ConsentRefused => (
            "Dit kan zo niet worden vastgelegd. Er is niets veranderd.",
            "This cannot be recorded as it is. Nothing was changed.",
        ),
        Code::RateLimited => (
            "Te veel vragen in korte tijd. Wacht het aantal seconden in Retry-After en probeer het dan opnieuw.",
            "Too many requests in a short time. Wait the number of seconds in Retry-After, then try again.",
        ),
        Code::AuditUnavailable => (
            "Het antwoord kon niet worden vastgelegd en is daarom niet gegeven. Probeer het later opnieuw.",
            "The answer could not be recorded and was therefore not given. Try again later.",
        ),
        Code::ConsentUnavailable => (
            "De toestemmingen konden niet worden geraadpleegd; daarom is niets gegeven. Probeer het later opnieuw.",
            "Consents could not be consulted, so nothing was given. Try again later.",
        ),
        Code::SourceUnavailable => (
            "De bron kon niet worden bereikt of gaf een onleesbaar antwoord; daarom is niets gegeven. Probeer het later opnieuw.",
            "The source could not be reached or gave an unreadable answer, so nothing was given. Try again later.",
        ),
    }
}
