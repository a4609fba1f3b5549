//! The fixed words of a summary, in Dutch and English. Same words for everybody: what is withheld and what does
//! not exist read alike (DESIGN.md 9).

use super::Language;

impl Language {
    /// One of two texts.
    pub(super) fn pick<'t>(self, dutch: &'t str, english: &'t str) -> &'t str {
        match self {
            Self::Nl => dutch,
            Self::En => english,
        }
    }

    pub(super) fn title(self) -> &'static str {
        self.pick("Overzicht", "Patient summary")
    }

    /// Stands in every document.
    pub(super) fn limits(self) -> &'static str {
        self.pick(
            "Dit overzicht bevat alleen wat voor deze vraag gedeeld mag worden. Het kan onvolledig zijn.",
            "This summary holds only what may be shared for this question. It may be incomplete.",
        )
    }

    /// Stands under every list of medicines (REGION.md 1, rule 4).
    pub(super) fn medicines_line(self) -> &'static str {
        self.pick(
            "Deze lijst kan onvolledig zijn. Vraag het ook aan de persoon of de apotheek.",
            "This list may be incomplete. Also ask the person or the pharmacy.",
        )
    }

    /// Stands in a required section from which nothing is released.
    pub(super) fn nothing_here(self) -> &'static str {
        self.pick(
            "Hierover is in dit overzicht niets beschikbaar. Dat zegt niet dat er niets is.",
            "Nothing about this is available in this summary. That does not mean that there is nothing.",
        )
    }

    pub(super) fn deceased(self) -> &'static str {
        self.pick("overleden", "deceased")
    }

    pub(super) fn gap_title(self) -> &'static str {
        self.pick("Wat ontbreekt", "What is missing")
    }

    pub(super) fn gap_named(self) -> &'static str {
        self.pick("Gaf nu geen antwoord:", "Gave no answer now:")
    }

    pub(super) fn gap_unnamed(self) -> &'static str {
        self.pick("Een of meer bronnen gaven nu geen antwoord.", "One or more sources gave no answer now.")
    }

    pub(super) fn source(self) -> &'static str {
        self.pick("Bron", "Source")
    }

    pub(super) fn other_source(self) -> &'static str {
        self.pick("andere bron", "other source")
    }

    pub(super) fn no_date(self) -> &'static str {
        self.pick("datum onbekend", "date unknown")
    }

    pub(super) fn sources_differ(self) -> &'static str {
        self.pick("bronnen verschillen", "sources differ")
    }

    pub(super) fn newest(self) -> &'static str {
        self.pick("Nieuwste gegeven", "Newest item")
    }

    pub(super) fn unnamed(self) -> &'static str {
        self.pick("zonder naam", "not named")
    }

    pub(super) fn see_source(self) -> &'static str {
        self.pick("dosering: zie bron", "dosage: see the source")
    }

    pub(super) fn do_not(self) -> &'static str {
        self.pick("NIET geven", "do NOT give")
    }

    pub(super) fn as_needed(self) -> &'static str {
        self.pick("zo nodig", "as needed")
    }

    /// How often, from the members of Timing.repeat.
    pub(super) fn how_often(self, frequency: &str, period: &str, unit: &str) -> String {
        let (dutch, english) = match unit {
            "s" => ("seconde", "second"),
            "min" => ("minuut", "minute"),
            "h" => ("uur", "hour"),
            "d" => ("dag", "day"),
            "wk" => ("week", "week"),
            "mo" => ("maand", "month"),
            "a" => ("jaar", "year"),
            other => (other, other),
        };
        let unit = self.pick(dutch, english);
        let every = if period == "1" { unit.to_owned() } else { format!("{period} {unit}") };
        match self {
            Self::Nl => format!("{frequency} keer per {every}"),
            Self::En => format!("{frequency} times per {every}"),
        }
    }

    /// A status code in ordinary words; a code without words stays as it is.
    pub(super) fn status(self, code: &str) -> &str {
        let (dutch, english) = match code {
            "active" => ("actief", "active"),
            "inactive" => ("niet actief", "not active"),
            "resolved" => ("voorbij", "over"),
            "remission" => ("nu rustig", "in remission"),
            "recurrence" | "relapse" => ("teruggekomen", "came back"),
            "completed" | "finished" => ("afgerond", "finished"),
            "on-hold" | "onhold" => ("tijdelijk gestopt", "on hold"),
            "stopped" => ("gestopt", "stopped"),
            "cancelled" | "revoked" => ("gaat niet door", "cancelled"),
            "planned" => ("gepland", "planned"),
            "booked" => ("afgesproken", "booked"),
            "proposed" => ("voorgesteld", "proposed"),
            "accepted" => ("afgesproken", "agreed"),
            "requested" => ("gevraagd", "requested"),
            "in-progress" => ("bezig", "in progress"),
            "final" => ("definitief", "final"),
            "preliminary" => ("voorlopig", "preliminary"),
            "amended" | "corrected" => ("verbeterd", "corrected"),
            "current" => ("geldig", "current"),
            "superseded" => ("vervangen", "replaced"),
            "entered-in-error" => ("ingetrokken: was een fout", "withdrawn: was an error"),
            "draft" => ("nog niet vast", "draft"),
            "unknown" => ("onbekend", "unknown"),
            "refuted" => ("blijkt niet zo te zijn", "found not to be so"),
            "unconfirmed" | "provisional" | "differential" => ("niet zeker", "not certain"),
            "not-done" => ("niet gedaan", "not done"),
            "not-taken" => ("niet gebruikt", "not taken"),
            "permit" => ("wel", "yes"),
            "deny" => ("niet", "no"),
            "low" => ("laag risico", "low risk"),
            "high" => ("hoog risico", "high risk"),
            "unable-to-assess" => ("niet vast te stellen", "cannot be assessed"),
            other => (other, other),
        };
        self.pick(dutch, english)
    }

    pub(super) fn yes_no(self, yes: bool) -> &'static str {
        if yes { self.pick("ja", "yes") } else { self.pick("nee", "no") }
    }
}
