//! The route handlers, one file per noun, and the table of routes.

#![allow(clippy::needless_pass_by_value, reason = "Rocket hands guards to handlers by value")]

mod account;
mod admin;
mod api;
mod events;
mod factors;
mod health;
mod home;
mod invitation;
mod live;
mod metrics;
mod page;
mod passkey_sign_in;
mod password;
mod push;
mod reauthenticate;
mod second_step;
mod sign_in;
mod sign_in_context;
mod sign_out;
mod static_files;
mod theme;
mod token;

use rocket::{Build, Rocket, Route};

#[cfg(feature = "fuzzing")]
pub(super) use sign_in::parse_username;

use super::links::Link;
use super::request_check;

/// The table of routes: each noun by the path that it is mounted at.
fn table() -> [(&'static str, Vec<Route>); 23] {
    [
        ("", home::routes()),
        ("", health::routes()),
        (".well-known", token::well_known_routes()),
        ("account", account::routes()),
        ("account/factors", factors::routes()),
        ("account/password", password::routes()),
        ("admin", admin::routes()),
        ("api/v1", api::routes()),
        ("api/v1/push", push::routes()),
        ("api/v1/token", token::routes()),
        ("events", events::routes()),
        ("invitation", invitation::routes()),
        ("live", live::routes()),
        ("login", sign_in::routes()),
        ("login/again", reauthenticate::routes()),
        ("login/factor", second_step::routes()),
        ("login/passkey", passkey_sign_in::routes()),
        ("login/password", password::sign_in_routes()),
        ("logout", sign_out::routes()),
        ("metrics", metrics::routes()),
        ("p", page::routes()),
        ("static", static_files::routes()),
        ("theme", theme::routes()),
    ]
}

pub(super) fn mount(rocket: Rocket<Build>) -> Rocket<Build> {
    table()
        .into_iter()
        .fold(rocket, |rocket, (path, routes)| rocket.mount(Link::to(path).as_str(), request_check::guard(routes)))
}
