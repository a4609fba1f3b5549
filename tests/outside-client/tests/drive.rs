//! A stock FHIR client drives the real program: login, capabilities, look-up, read, search, paging, operation. What it
//! reads must survive its typed models: a member that they do not know would be dropped, and is a fault of ours.

use fhir_sdk::client::{Client, Error, SearchParameters};
use fhir_sdk::r4b::codes::BundleType;
use fhir_sdk::r4b::resources::{Bundle, Observation, Patient, Resource};
use fhir_sdk::version::FhirR4B;
use outside_client::connect;
use serde_json::Value;
use sluis_tests::World;

/// Patient's identifier system of the BSN.
const BSN: &str = "http://fhir.nl/fhir/NamingSystem/bsn";

#[test]
fn a_stock_client_logs_in_reads_searches_pages_and_asks_the_summary() {
    let world = World::fresh();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(drive(&world));
}

async fn drive(world: &World) {
    let gp = connect(world, "huisarts-de-linde").expect("a client");
    let statement = gp.capabilities().await.expect("capabilities");
    assert!(!statement.rest.is_empty(), "the capability statement offers nothing");

    let id = look_up(&gp, world).await;
    let patient = gp.read::<Patient>(&id).await.expect("read").expect("a patient");
    assert_eq!(patient.id.as_deref(), Some(id.as_str()));

    let all = observations(&gp, &id, 200).await;
    assert!(all.len() > 3, "too few observations to page through: {}", all.len());
    assert_eq!(observations(&gp, &id, 2).await, all, "pages of two differ from the whole");

    let first = all.first().and_then(|o| o.id.clone()).expect("an id");
    let read = gp.read::<Observation>(&first).await.expect("read").expect("an observation");
    assert_eq!(Some(&read), all.first(), "a read differs from the search");

    let summary = text(&gp, world, &format!("Patient/{id}/$summary")).await;
    let typed: Bundle = serde_json::from_str(&summary).expect("the models read the document");
    assert_eq!(typed.r#type, BundleType::Document);
    let lead = typed.entry.iter().flatten().next().and_then(|entry| entry.resource.as_ref());
    assert!(matches!(lead, Some(Resource::Composition(_))), "a document starts with its composition");
    let before: Value = serde_json::from_str(&summary).expect("JSON");
    let after = serde_json::to_value(&typed).expect("JSON");
    let mut lost = Vec::new();
    compare(&before, &after, "", &mut lost);
    assert!(lost.is_empty(), "the typed models changed:\n{}", lost.join("\n"));

    let refused =
        gp.search::<Observation>(SearchParameters::empty().and_raw("patient", &id).and_raw("_sort", "date"));
    match refused.await {
        Err(Error::OperationOutcomeR4B(status, outcome)) => {
            assert_eq!(status.as_u16(), 400);
            assert_eq!(outcome.issue.len(), 1);
        }
        Err(other) => panic!("not an OperationOutcome: {other}"),
        Ok(_) => panic!("a parameter outside the grammar was answered"),
    }
}

/// The only way in: the identifier travels in a body.
async fn look_up(gp: &Client<FhirR4B>, world: &World) -> String {
    let identifier = format!("{BSN}|{}", world.bsn("jansen"));
    let url = format!("{}/fhir/Patient/_search", world.exchange());
    let page = gp
        .search_custom::<Patient, _>(|http| http.post(url).form(&[("identifier", identifier)]))
        .await
        .expect("a look-up");
    let ids: Vec<_> = page.matches().filter_map(|patient| patient.id.clone()).collect();
    assert_eq!(ids.len(), 1, "one person");
    ids.into_iter().next().expect("an id")
}

/// All observations of a person, page by page.
async fn observations(gp: &Client<FhirR4B>, id: &str, a_page: u32) -> Vec<Observation> {
    let asked = SearchParameters::empty().and_raw("patient", id).and_raw("_count", a_page);
    let mut page = gp.search::<Observation>(asked).await.expect("a search");
    let mut found = Vec::new();
    loop {
        let before = found.len();
        found.extend(page.matches().cloned());
        assert!(found.len() - before <= a_page as usize, "a page holds more than asked");
        match page.next_page().await {
            Some(next) => page = next.expect("the next page"),
            None => return found,
        }
    }
}

async fn text(gp: &Client<FhirR4B>, world: &World, path: &str) -> String {
    let url = format!("{}/fhir/{path}", world.exchange());
    let answer = gp.send_custom_request(|http| http.get(url)).await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200);
    answer.text().await.expect("a body")
}

/// Every leaf that went in came out. Numbers and instants are compared by value: these models keep decimals as floats
/// and rewrite `+00:00` (CRATES.md 1); the gateway itself does neither.
fn compare(before: &Value, after: &Value, at: &str, lost: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(left), Value::Object(right)) => {
            for (name, value) in left {
                compare(value, right.get(name).unwrap_or(&Value::Null), &format!("{at}.{name}"), lost);
            }
            let new = right.keys().filter(|name| !left.contains_key(*name));
            lost.extend(new.map(|name| format!("{at}.{name}: came from nowhere")));
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (n, (left, right)) in left.iter().zip(right).enumerate() {
                compare(left, right, &format!("{at}[{n}]"), lost);
            }
        }
        (left, right) if same(left, right) => {}
        (left, right) => lost.push(format!("{at}: {} became {}", kind(left), kind(right))),
    }
}

fn same(left: &Value, right: &Value) -> bool {
    if let (Some(left), Some(right)) = (left.as_f64(), right.as_f64()) {
        return (left - right).abs() <= f64::EPSILON * left.abs();
    }
    let instant = |value: &Value| value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    left == right || matches!((instant(left), instant(right)), (Some(left), Some(right)) if left == right)
}

/// What stands there, without its content.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
