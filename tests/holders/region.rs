//! A region with so many holders elsewhere that all have something of one person.

use crate::holder::{FULL, Has, Holder};
use crate::measure::{Times, timed};
use serde_json::{Value, json};
use sluis_tests::{Asker, World};

/// Whom they know.
pub const PERSON: &str = "jansen";
/// A holder of the demonstration, of which the others are copies: consent is given for its category.
const ORIGINAL: &str = "wijkverpleging-thuis";

/// A gateway with the holders it asks.
pub struct Region {
    pub world: World,
    pub holders: Vec<Holder>,
}

impl Region {
    /// So many holders that have this. They run on a runtime that all holders of the measurement share.
    pub fn with(count: usize, has: Has, runtime: &tokio::runtime::Runtime) -> Self {
        let world = World::fresh();
        let bsn = world.bsn(PERSON);
        let holders: Vec<Holder> = (0..count).map(|_| Holder::start(runtime, has, &bsn)).collect();
        let region = Self { world, holders };
        for (number, holder) in region.holders.iter().enumerate() {
            region.join(number, &holder.endpoint(), PERSON);
        }
        region
    }

    /// One more holder of a person; the first is the demonstration's own, moved to a server.
    pub fn join(&self, number: usize, endpoint: &Value, person: &str) {
        let world = &self.world;
        let id = self.id(number);
        if number > 0 {
            let mut copy = world.sluis(["participant", "show", ORIGINAL]).ok().json();
            copy["id"] = json!(id);
            copy["name"] = json!(format!("Wijkverpleging {number}"));
            copy["identifier"]["value"] = json!(format!("{}", 90_009_000 + number));
            copy["certificate_sha256"] = json!(format!("{number:064x}"));
            copy["holder"] = json!("remote");
            copy["endpoint"] = endpoint.clone();
            world.sluis_with(["participant", "add", "--file", "-"], copy.to_string().as_bytes()).ok();
        } else {
            self.moved(number, endpoint);
        }
        let born = world.birth_date(person);
        let add = ["index", "add", "--holder", &id, "--patient", "-", "--birthdate", &born];
        world.sluis_with(add, world.bsn(person).as_bytes()).ok();
    }

    /// Registers another endpoint for a holder: it begins anew, its breaker closed.
    pub fn moved(&self, number: usize, endpoint: &Value) {
        let id = self.id(number);
        let set = ["participant", "endpoint", "set", &id, "--file", "-"];
        self.world.sluis_with(set, endpoint.to_string().as_bytes()).ok();
    }

    #[allow(clippy::unused_self)]
    fn id(&self, number: usize) -> String {
        if number == 0 { ORIGINAL.to_owned() } else { format!("wijkverpleging-{number}") }
    }

    /// Somebody who may see what they have: on a Saturday, at the post.
    pub fn asker(&self) -> Asker<'_> {
        let asker = self.world.staff("valk", "triage");
        let _token = asker.token();
        asker
    }
}

/// One page of everything that the holders have of the type they have; the person's id was asked before.
pub fn search(asker: &Asker<'_>, id: &str, times: &mut Times) -> usize {
    let (answer, took) = timed(|| asker.search_id(id, FULL, "_count=200"));
    times.add(took);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.body.len()
}

/// One summary, whole, and how long it took.
pub fn ask(asker: &Asker<'_>, times: &mut Times) -> usize {
    let (answer, took) = timed(|| asker.summary(PERSON));
    times.add(took);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.body.len()
}
