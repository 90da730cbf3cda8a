//! Web routes, guards and views: the only room that knows Rocket's requests and responses.
//!
//! A handler reads as a sentence: a guard proves the visitor, the door yields an open page, a view renders it.
//! `guards/` say who is asking, `routes/` has one file per noun, `views/` holds the structs that templates get, and
//! `refusal.rs` is the one place where errors become what is answered, by `catcher.rs`. Nothing here decides who may see what.

mod allowed_hosts;
mod app_state;
mod assets;
mod authentication;
mod catcher;
mod composed;
mod connection_tracking;
mod cookies;
mod diagnostics_runner;
mod form;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod guards;
mod gzip;
mod headers;
mod html;
mod links;
mod live_subscriber;
mod path_spelling;
mod proxy_hints;
mod refusal;
mod request_check;
mod request_log;
mod routes;
mod shared_pages;
mod shown_once;
mod templates;
mod upgrade;
mod views;

pub use allowed_hosts::AllowedHosts;
pub use app_state::{AppState, Transport};
pub use assets::Assets;
pub use diagnostics_runner::DiagnosticsRunner;
pub use links::site_path;
pub use proxy_hints::ProxyHints;
pub use shared_pages::SharedPages;
pub use shown_once::{NewRecoveryCodes, NewTokens};

use rocket::{Build, Rocket};

/// Attaches routes, catchers, headers, the request log and the managed state to a Rocket.
pub fn stage(rocket: Rocket<Build>, state: AppState) -> Rocket<Build> {
    let assets = state.assets.clone();
    let tracking = connection_tracking::ConnectionTracking::new(state.connections.clone());
    routes::mount(rocket)
        .manage(state)
        .register(links::BASE, catcher::catchers())
        .attach(tracking)
        .attach(request_check::RequestCheck)
        .attach(templates::fairing(assets))
        .attach(headers::SecurityHeaders)
        .attach(request_log::RequestLog)
}
