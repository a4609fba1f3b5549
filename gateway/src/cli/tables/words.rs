//! The fixed words of the pages, in Dutch and English. The reasons stand in the tables, as their authors wrote them.

use consent::Level;
use consent::vocabulary::Cell;
use fhir_mappings::tables::TypeKind;

/// The language of a page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lang {
    Nl,
    En,
}

impl Lang {
    pub(super) fn of(code: &str) -> Self {
        if code == "en" { Self::En } else { Self::Nl }
    }

    pub(super) fn code(self) -> &'static str {
        self.say("nl", "en")
    }

    pub(super) fn say(self, nl: &'static str, en: &'static str) -> &'static str {
        match self {
            Self::Nl => nl,
            Self::En => en,
        }
    }

    /// How much of a class, at most.
    pub(super) fn cell(self, cell: Cell) -> &'static str {
        match cell {
            Cell::Open(Level::Full) => self.say("volledig", "in full"),
            Cell::Open(Level::Reduced) => self.say("beperkt", "reduced"),
            Cell::ByName(Level::Full) => self.say(
                "alleen als de persoon dit zelf noemt, dan volledig",
                "only when the person names it, then in full",
            ),
            Cell::ByName(Level::Reduced) => self.say(
                "alleen als de persoon dit zelf noemt, dan beperkt",
                "only when the person names it, then reduced",
            ),
            Cell::Shut => self.say("nooit", "never"),
        }
    }

    pub(super) fn kind(self, kind: Option<TypeKind>) -> &'static str {
        match kind {
            Some(TypeKind::Open) => self.say("gaat over de persoon", "about the person"),
            Some(TypeKind::Directory) => self
                .say("gaat alleen mee met iets dat ernaar verwijst", "travels only with what refers to it"),
            Some(TypeKind::Closed) => self.say("gaat nooit mee", "never leaves"),
            None => self.say("onderdeel van andere gegevens", "a part of other data"),
        }
    }

    /// A condition of a line; the forms of it are told in fhir-mappings/tables/README.md.
    pub(super) fn condition(self, condition: &str) -> String {
        let (name, value) = condition.split_once(':').unwrap_or((condition, ""));
        let words = match name {
            "text" => self.say(
                "vrije tekst: alleen voor huisartsenzorg, ggz en de persoon",
                "free text: for gp, ggz and the person only",
            ),
            "words" => self.say("woorden die mogen meegaan", "words that may pass"),
            "safe" => self.say("geen vrije tekst", "no free text"),
            "place" => self.say("nooit bij een beschermd adres", "never when whereabouts are protected"),
            "reporter" => self
                .say("nooit wie een zorg over veiligheid meldde", "never who reported a worry about safety"),
            "dosage" => self.say("alleen een bekende doseerzin", "a known dosing phrase only"),
            "ignorable" => self.say("mag wegblijven", "may be left out"),
            "for" => self.say("alleen voor lezers van de groep", "only for readers of the group"),
            "class" => self.say("telt als soort", "counts as class"),
            "pick" => self.say("alleen deze uit een lijst:", "only these of a list:"),
            "need" => self.say("vervalt zonder een van", "falls without one of"),
            _ => condition,
        };
        if value.is_empty() { words.to_owned() } else { format!("{words} {value}") }
    }

    /// In which classes something comes out: all, none, or these.
    pub(super) fn among(self, these: &[String], all: &[String]) -> String {
        if these.is_empty() {
            self.say("nee", "no").to_owned()
        } else if these.len() == all.len() {
            self.say("ja", "yes").to_owned()
        } else {
            these.join(", ")
        }
    }
}
