//! One file per noun. The table of doors is here.

#![allow(clippy::needless_pass_by_value, reason = "Rocket hands guards to handlers by value")]

mod account;
mod admin;
mod again;
mod api;
mod doorstep;
mod events;
mod health;
mod home;
mod live;
mod metrics;
mod page;
mod password;
mod sign_in;
mod sign_out;
mod static_files;
mod theme;

use rocket::{Build, Rocket, routes};
#[cfg(feature = "fuzzing")]
pub(super) use sign_in::name_in;

pub(super) fn mount(rocket: Rocket<Build>) -> Rocket<Build> {
    rocket
        .mount("/", routes![home::show, page::show, theme::choose, account::show, password::ask, password::change])
        .mount("/admin", routes![admin::show, admin::examine])
        .mount(
            "/login",
            routes![sign_in::form, sign_in::submit, password::begin, password::submit, again::ask, again::submit],
        )
        .mount("/logout", routes![sign_out::ask, sign_out::submit])
        .mount("/live", routes![live::watch, live::not_an_upgrade])
        .mount("/events", routes![events::watch])
        .mount("/api/v1", routes![api::pages, api::page])
        .mount("/static", routes![static_files::serve])
        .mount("/", routes![health::alive, health::ready, metrics::show])
}
