//! The list as a Markdown table, for the docs.

use super::list::{Interaction, ListForm, Origin, Param, ROWS, Row, Shape};

/// One line a type: what may be done, and with which parameters.
#[must_use]
pub fn markdown() -> String {
    let mut out = String::from("| type | interactions | parameters | include |\n|---|---|---|---|\n");
    for row in ROWS {
        out.push_str(&line(row));
    }
    out
}

fn line(row: &Row) -> String {
    let interactions: Vec<_> = row.interactions.iter().map(|i| interaction(*i)).collect();
    let patient = row.needs_patient().then(|| "`patient` (once)".to_owned());
    let parameters: Vec<_> = patient.into_iter().chain(row.params.iter().map(parameter)).collect();
    let include =
        if row.include_medication { format!("`{}:medication`", row.resource) } else { String::new() };
    format!("| {} | {} | {} | {include} |\n", row.resource, interactions.join(", "), parameters.join(", "))
}

fn interaction(interaction: Interaction) -> &'static str {
    match interaction {
        Interaction::Search => "search",
        Interaction::Read => "read",
        Interaction::Create => "create",
        Interaction::Update => "update",
        Interaction::Delete => "delete",
        Interaction::LastN => "`$lastn`",
        Interaction::Summary => "`$summary`",
        Interaction::SummaryByIdentifier => "`$summary` by identifier",
        Interaction::Explain => "`$explain`",
    }
}

fn parameter(param: &Param) -> String {
    let form = match (param.shape, param.list) {
        (Shape::DateFrom, _) => "=ge…",
        (_, ListForm::Comma) => " (list)",
        (_, ListForm::One) => "",
    };
    let ours = if param.origin == Origin::Ours { " (ours)" } else { "" };
    format!("`{}`{form}{ours}", param.name)
}
