//! Scenarios against the real program. Each test is named by the rule it shows.

mod bad_input;
mod end_to_end;
mod enumeration;
mod golden;
mod import;
mod journal;
mod refusals;
mod region;
mod start;
mod token;
