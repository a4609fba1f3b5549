//! E0624: a page about a person, sent around its record.

use gateway::portal::page::PersonalPage;
use gateway::road::respond::Response;

pub fn forge(page: PersonalPage) -> Response {
    page.into_response()
}
