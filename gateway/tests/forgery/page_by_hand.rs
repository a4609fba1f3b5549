//! private-fields: a page about a person that nobody signed in for.

use gateway::portal::page::PersonalPage;

pub fn forge() -> PersonalPage {
    PersonalPage {}
}
