//! The invented region "Heuvelrijk": who takes part, who works there, eleven persons, what is held about
//! them and what they said. Pure data building: no clock, no files, no network. The gateway imports the
//! result through its ordinary roads; nothing here may be a short cut around them.

use std::fmt;

use jiff::civil::Date;
use serde_json::Value;

mod arranged;
mod calendar;
mod clinical;
mod code;
mod draft;
mod line;
mod observed;
mod papers;
mod people;
mod person;
mod scribe;
mod wishes;

#[cfg(test)]
mod decisions;
#[cfg(test)]
mod tests;

/// Everything the sandbox starts with, with all invented dates moved to the day of the first start.
pub struct Region {
    /// One document per participant, in the shape `participant add` reads, without `jwks` and certificate
    /// (the gateway adds those after minting). The suspended one is here; `niemand` is not.
    pub participants: Vec<Value>,
    /// Ids of the participants that are registered and then suspended.
    pub suspended: Vec<String>,
    /// Ids that get a certificate of the right CA but belong to no participant.
    pub strangers: Vec<String>,
    /// The people who work for the participants.
    pub staff: Vec<Staff>,
    /// The persons the data is about.
    pub patients: Vec<Patient>,
    /// Who can log in to the portals; the gateway makes the secrets.
    pub logins: Vec<Login>,
    /// What each holder holds, one entry per (holder, person).
    pub holdings: Vec<Holding>,
    /// Privacy consents as CONTRACT.md 7 reads them, each with the participant that records it.
    pub consents: Vec<Recorded>,
    /// Relations (ServiceRequest, CareTeam, CarePlan, EpisodeOfCare) with the participant that records them.
    pub relations: Vec<Recorded>,
    /// Attestations (Basic) with the participant that records them.
    pub attestations: Vec<Recorded>,
    /// Who acts for a person: by custody, a court's decision, or the person's own authorisation.
    pub mandates: Vec<Mandate>,
}

/// Naming system under which a representative stands in consents and mandates; the value is the login.
pub const REPRESENTATIVE: &str = "https://sluis.example/fhir/NamingSystem/representative";

/// Somebody who acts for a person, as recorded apart from any consent. The login of the portal has its name.
#[derive(Clone)]
pub struct Mandate {
    /// Patient id.
    pub patient: String,
    /// The login that acts.
    pub login: String,
    /// Name of who acts.
    pub name: String,
    /// Kind of representation (`representation-kind` of CONTRACT.md 7).
    pub kind: String,
    /// Data classes it reaches; empty means all.
    pub classes: Vec<String>,
    /// First day, `YYYY-MM-DD`.
    pub from: String,
    /// Last day, inclusive; `None` without an end.
    pub to: Option<String>,
    /// What shows that it was given.
    pub evidence: String,
}

/// Somebody who works for a participant.
#[derive(Clone)]
pub struct Staff {
    /// Person id, as in `urn:sluis:person#<id>`.
    pub id: String,
    /// Name as shown.
    pub name: String,
    /// Code system of the role: the UZI role code list, or our own for roles without one.
    pub role_system: String,
    /// Role code.
    pub role_code: String,
    /// Role in words.
    pub role_name: String,
    /// Functions this person works in, the first one being the default.
    pub functions: Vec<String>,
    /// The participant this person works for.
    pub participant: String,
}

/// A person the data is about.
#[derive(Clone)]
pub struct Patient {
    /// Id as in REGION.md section 3 (`jansen`, ...).
    pub id: String,
    /// Full name.
    pub name: String,
    /// Citizen service number; passes the eleven-test.
    pub bsn: String,
    /// Birth date, `YYYY-MM-DD`, after moving.
    pub birth_date: String,
    /// One line of what this person shows.
    pub story: String,
    /// Participants that hold data about this person.
    pub holders: Vec<String>,
}

/// A login of the development identity provider, without its secret.
#[derive(Clone)]
pub struct Login {
    /// User name.
    pub user: String,
    /// Which portal it opens.
    pub portal: Portal,
    /// The participant an officer or operator works for; `None` for patients.
    pub participant: Option<String>,
    /// Patient ids this login may see: the person, or whom a representative acts for.
    pub acts_for: Vec<String>,
}

/// The three portals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Portal {
    /// The person and representatives.
    Patient,
    /// The privacy officer of a participant.
    Officer,
    /// Who runs the gateway.
    Operator,
}

impl Portal {
    /// The word `region.json` uses.
    pub fn code(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::Officer => "officer",
            Self::Operator => "operator",
        }
    }
}

/// What one holder holds about one person.
pub struct Holding {
    /// Participant id of the holder.
    pub holder: String,
    /// Patient id of REGION.md section 3.
    pub patient: String,
    /// FHIR R4 resources, the Patient first.
    pub resources: Vec<Value>,
}

/// A FHIR resource that a participant records.
pub struct Recorded {
    /// Participant id of the recorder.
    pub recorder: String,
    /// Patient id of REGION.md section 3.
    pub patient: String,
    /// The resource.
    pub resource: Value,
}

/// A line of the region's own data that does not read. The tests keep this from happening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionError {
    /// The data file.
    pub file: &'static str,
    /// Line number, from 1; 0 where the whole file is meant.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for RegionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.why)
    }
}

impl std::error::Error for RegionError {}

impl Region {
    /// Builds the region for a sandbox whose first start fell on `first_start` (date in Amsterdam).
    /// Fails only if the data files in this folder are broken.
    pub fn build(first_start: Date) -> Result<Self, RegionError> {
        let broken = |why: &str| RegionError { file: "mod.rs", line: 0, why: why.to_owned() };
        let calendar = calendar::Calendar::new(first_start).ok_or_else(|| broken("no time zone data"))?;
        let houses = people::houses()?;
        let staff = people::staff()?;
        let participants: Option<Vec<Value>> =
            houses.iter().map(|house| house.registration(&calendar)).collect();
        let mut region = Self {
            participants: participants.ok_or_else(|| broken("a participant without one identifier"))?,
            suspended: houses.iter().filter(|house| house.suspended).map(|house| house.id.clone()).collect(),
            strangers: vec!["niemand".to_owned()],
            patients: Vec::new(),
            logins: logins(&houses),
            holdings: Vec::new(),
            consents: Vec::new(),
            relations: Vec::new(),
            attestations: Vec::new(),
            mandates: Vec::new(),
            staff,
        };
        for (file, text) in PERSONS {
            let read = line::lines(file, text)?;
            person::add(&mut region, &calendar, &houses, file, &read)?;
        }
        Ok(region)
    }

    /// Who gets a client certificate: every participant, and each stranger (with a number nobody registered).
    pub fn parties(&self) -> Vec<certs_dev::Party> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let parties = self.participants.iter().map(|participant| {
            let identifier = participant.get("identifier").unwrap_or(&Value::Null);
            let member = |name: &str| text(identifier.get(name).unwrap_or(&Value::Null));
            let (system, value) = (member("system"), member("value"));
            let identity = match system.rsplit('/').next() {
                Some("kvk") => certs_dev::Identity::Kvk(value),
                Some("oin") => certs_dev::Identity::Oin(value),
                _ => certs_dev::Identity::Ura(value),
            };
            let named = |name: &str| text(participant.get(name).unwrap_or(&Value::Null));
            certs_dev::Party { id: named("id"), name: named("name"), identity }
        });
        let strangers = self.strangers.iter().map(|id| certs_dev::Party {
            id: id.clone(),
            name: "Niemand".to_owned(),
            identity: certs_dev::Identity::Ura("90000399".to_owned()),
        });
        parties.chain(strangers).collect()
    }
}

/// An officer (whose login is also the person id) for every participant that may look under HCOMPL, one operator; persons and who
/// acts for them come from the persons' own files.
fn logins(houses: &[people::House]) -> Vec<Login> {
    let login = |user: String, portal, participant| Login { user, portal, participant, acts_for: Vec::new() };
    let officers = houses
        .iter()
        .filter(|house| house.has_officer())
        .map(|house| login(format!("officer-{}", house.short), Portal::Officer, Some(house.id.clone())));
    officers.chain([login("operator".to_owned(), Portal::Operator, None)]).collect()
}

/// The persons' files: the name of a file is the id of its person.
const PERSONS: [(&str, &str); 12] = [
    ("jansen", include_str!("data/persons/jansen.txt")),
    ("amrani", include_str!("data/persons/amrani.txt")),
    ("peters", include_str!("data/persons/peters.txt")),
    ("sem", include_str!("data/persons/sem.txt")),
    ("noor", include_str!("data/persons/noor.txt")),
    ("yara", include_str!("data/persons/yara.txt")),
    ("kaya", include_str!("data/persons/kaya.txt")),
    ("devries", include_str!("data/persons/devries.txt")),
    ("bakker", include_str!("data/persons/bakker.txt")),
    ("elidrissi", include_str!("data/persons/elidrissi.txt")),
    ("visser", include_str!("data/persons/visser.txt")),
    ("jansen2", include_str!("data/persons/jansen2.txt")),
];
