//! The folder `shared` beside the workspace, where it is present.

use std::path::{Path, PathBuf};

/// `shared`, found by walking up from this package; `None` where this checkout stands alone.
#[must_use]
pub fn folder() -> Option<PathBuf> {
    let mut up = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    up.find_map(|place| {
        let shared = place.join("shared");
        shared.join("CONTRACT.md").is_file().then_some(shared)
    })
}
