//! Holders with a FHIR server of their own: found, asked at once, trusted in nothing.

mod bounds;
mod directory;
mod endpoint;
mod index;
mod matrix;
mod real;
mod real_corpus;
mod real_files;
mod real_servers;
mod region;
mod server;
