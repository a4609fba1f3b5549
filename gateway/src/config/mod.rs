//! Typed configuration of `sluis serve`.
