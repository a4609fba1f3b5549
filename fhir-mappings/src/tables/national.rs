//! The national package, embedded, and the hash that names it.

/// File names and texts, in the order they are read.
pub(super) const FILES: &[(&str, &str)] = &[
    ("package.txt", include_str!("../../tables/national/package.txt")),
    ("readers.txt", include_str!("../../tables/national/readers.txt")),
    ("systems.txt", include_str!("../../tables/national/systems.txt")),
    ("identifiers.txt", include_str!("../../tables/national/identifiers.txt")),
    ("types.txt", include_str!("../../tables/national/types.txt")),
    ("levels.txt", include_str!("../../tables/national/levels.txt")),
    ("facts.txt", include_str!("../../tables/national/facts.txt")),
    ("dosing.txt", include_str!("../../tables/national/dosing.txt")),
    ("searches.txt", include_str!("../../tables/national/searches.txt")),
    ("sets.txt", include_str!("../../tables/national/sets.txt")),
    ("words.txt", include_str!("../../tables/national/words.txt")),
    ("codes/diagnoses.txt", include_str!("../../tables/national/codes/diagnoses.txt")),
    ("codes/labels.txt", include_str!("../../tables/national/codes/labels.txt")),
    ("codes/medicines.txt", include_str!("../../tables/national/codes/medicines.txt")),
    ("codes/observations.txt", include_str!("../../tables/national/codes/observations.txt")),
    ("elements/datatypes.txt", include_str!("../../tables/national/elements/datatypes.txt")),
    ("elements/identity.txt", include_str!("../../tables/national/elements/identity.txt")),
    ("elements/circle.txt", include_str!("../../tables/national/elements/circle.txt")),
    ("elements/clinical.txt", include_str!("../../tables/national/elements/clinical.txt")),
    ("elements/medication.txt", include_str!("../../tables/national/elements/medication.txt")),
    ("elements/plan.txt", include_str!("../../tables/national/elements/plan.txt")),
];

/// SHA-256 over the canonical bytes: of each file its layer, name and the lines that say something, in order.
pub(super) fn hash(overlay: &[(&str, &str)]) -> String {
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    for (layer, files) in [("national", FILES), ("overlay", overlay)] {
        for (name, text) in files {
            for part in [layer, "/", name, "\n"] {
                digest.update(part.as_bytes());
            }
            let said = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
            for line in said {
                digest.update(line.as_bytes());
                digest.update(b"\n");
            }
        }
    }
    data_encoding::HEXLOWER.encode(digest.finish().as_ref())
}
