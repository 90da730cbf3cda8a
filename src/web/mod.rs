//! The only room that knows Rocket's requests and responses.
//!
//! A handler reads as a sentence: a guard proves the visitor, the door yields an open page, a view renders it.
//! `guards/` say who is asking, `routes/` has one file per noun, `views/` holds the structs that templates get, and
//! `refusal.rs` is the one place where errors become responses. Nothing here decides who may see what.

mod assets;
mod connected;
mod cookies;
mod dial;
mod digest;
mod examiner;
mod form;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod guards;
mod headers;
mod html;
mod refusal;
mod request_log;
mod rooms;
mod routes;
mod shown;
mod templates;
mod upgrade;
mod views;

pub use assets::Assets;
pub use rooms::{Rooms, Transport};

use rocket::{Build, Rocket};

/// Opens the web's doors: guards, routes, catchers, headers and the request log, over the rooms they need.
pub fn stage(rocket: Rocket<Build>, rooms: Rooms) -> Rocket<Build> {
    let assets = rooms.assets.clone();
    let connected = connected::Connected::new(rooms.connections.clone());
    let rocket = routes::mount(rocket)
        .register("/", refusal::catchers())
        .attach(connected)
        .attach(templates::fairing(assets))
        .attach(headers::SecurityHeaders)
        .attach(request_log::RequestLog);
    rooms.manage(rocket)
}
