//! Scenarios against the real program. Each test is named by the rule it shows.
mod end_to_end;
mod journal;
mod refusals;
mod region;
mod start;
mod token;
