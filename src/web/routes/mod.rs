//! The route handlers, one file per noun, and the table of routes.

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
                password::show,
                password::change
            ],
        )
        .mount("/", routes![factors::list::show, factors::app::show, factors::app::confirm, factors::app::remove])
        .mount("/", routes![factors::passkeys::show, factors::passkeys::options, factors::passkeys::add])
        .mount("/", routes![factors::passkeys::remove, factors::recovery::regenerate])
        .mount("/admin", admin::routes())
        .mount("/admin", routes![admin_factors::show, admin_factors::reset])
        .mount("/login", routes![second_step::show, second_step::submit])
        .mount("/login", routes![passkey_sign_in::options, passkey_sign_in::submit])
        .mount("/admin", routes![admin_accounts::show, admin_accounts::invite, admin_accounts::withdraw, admin_accounts::act])
        .mount("/invitation", routes![invitation::show_code_form, invitation::show_acceptance_form, invitation::accept])
        .mount(
            "/login",
            routes![
                sign_in::show,
                sign_in::submit,
                password::redirect_to_form,
                password::change_and_sign_in,
                reauthenticate::show,
                reauthenticate::submit
            ],
        )
        .mount("/logout", routes![sign_out::show, sign_out::submit])
        .mount("/live", routes![live::connect, live::not_an_upgrade])
        .mount("/events", routes![events::connect])
        .mount("/", routes![account_tokens::create, account_tokens::revoke, token::keys])
        .mount("/api/v1", routes![api::pages, api::page, token::issue])
        .mount("/static", routes![static_files::serve])
        .mount("/", routes![health::alive, health::ready, metrics::show])
}
