//! E0308: a page about a person that no record stands for.

use gateway::portal::page::PersonalPage;
use gateway::road::respond::{Response, release_page};
use gateway::trail::Trail;

pub fn forge(page: PersonalPage, trail: &Trail) -> Response {
    release_page(page, trail)
}
