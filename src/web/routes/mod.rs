//! One file per noun. The table of doors is here.

#![allow(clippy::needless_pass_by_value, reason = "Rocket hands guards to handlers by value")]

mod account;
mod account_tokens;
mod admin;
mod admin_accounts;
mod admin_factors;
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
mod reauthenticate;
mod second_step;
mod sign_in;
mod sign_in_context;
mod sign_out;
mod static_files;
mod theme;
mod token;

use rocket::{Build, Rocket, routes};
#[cfg(feature = "fuzzing")]
pub(super) use sign_in::parse_username;

pub(super) fn mount(rocket: Rocket<Build>) -> Rocket<Build> {
    rocket
        .mount(
            "/",
            routes![
                home::show,
                page::show,
                theme::choose,
                account::show,
                account::end_session,
                account::end_other_sessions,
                password::ask,
                password::change
            ],
        )
        .mount("/", routes![factors::list::show, factors::app::offer, factors::app::confirm, factors::app::remove])
        .mount("/", routes![factors::passkeys::offer, factors::passkeys::options, factors::passkeys::add])
        .mount("/", routes![factors::passkeys::remove, factors::recovery::renew])
        .mount("/admin", admin::routes())
        .mount("/admin", routes![admin_factors::show, admin_factors::reset])
        .mount("/login", routes![second_step::ask, second_step::show])
        .mount("/login", routes![passkey_sign_in::options, passkey_sign_in::submit])
        .mount(
            "/admin",
            routes![admin_accounts::show, admin_accounts::invite, admin_accounts::withdraw, admin_accounts::act],
        )
        .mount("/invitation", routes![invitation::ask, invitation::show, invitation::accept])
        .mount(
            "/login",
            routes![
                sign_in::form,
                sign_in::submit,
                password::begin,
                password::submit,
                reauthenticate::ask,
                reauthenticate::submit
            ],
        )
        .mount("/logout", routes![sign_out::ask, sign_out::submit])
        .mount("/live", routes![live::watch, live::not_an_upgrade])
        .mount("/events", routes![events::watch])
        .mount("/", routes![account_tokens::make, account_tokens::revoke, token::keys])
        .mount("/api/v1", routes![api::pages, api::page, token::issue])
        .mount("/static", routes![static_files::serve])
        .mount("/", routes![health::alive, health::ready, metrics::show])
}
