//! The admin's office, page by page. Everything in it asks for an [`Administrator`](crate::web::guards::Administrator), and
//! what changes something for a form of this very session and a recent password besides.

mod audit;
mod directory;
mod overview;
mod sessions;
mod tokens;

use rocket::{Route, routes};

/// The doors of the office.
pub(super) fn routes() -> Vec<Route> {
    routes![
        overview::show,
        overview::faults,
        sessions::show,
        sessions::end,
        sessions::end_of_person,
        sessions::end_of_everyone,
        tokens::show,
        tokens::revoke,
        audit::show,
        audit::csv,
        audit::json_lines,
        directory::show,
        directory::run_diagnostics
    ]
}
