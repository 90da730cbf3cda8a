//! A member's own second factors: listing, setting up and removing them.

mod app;
mod list;
mod passkeys;
mod recovery;

use rocket::Route;

pub(super) fn routes() -> Vec<Route> {
    [list::routes(), app::routes(), passkeys::routes(), recovery::routes()].concat()
}
