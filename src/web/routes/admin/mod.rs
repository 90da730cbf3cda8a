//! The admin pages. Everything in them asks for an [`Administrator`](crate::web::guards::Administrator), and
//! what changes something for a CSRF token and a recent authentication besides.

mod audit;
mod directory;
mod overview;
mod sessions;
mod tokens;

use rocket::{Route, routes};

/// The routes of the admin pages.
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
