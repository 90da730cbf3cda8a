//! The admin pages. Everything in them asks for an [`Administrator`](crate::web::guards::Administrator); what changes
//! something asks for an [`AdminAct`](crate::web::guards::AdminAct) and a [`CsrfForm`](crate::web::guards::CsrfForm).

mod accounts;
mod audit;
mod directory;
mod factors;
mod nodes;
mod overview;
mod sessions;
mod tokens;

use rocket::Route;

pub(super) fn routes() -> Vec<Route> {
    let lists = [sessions::routes(), tokens::routes(), factors::routes(), audit::routes(), accounts::routes()].concat();
    [overview::routes(), lists, directory::routes(), nodes::routes()].concat()
}
