use rocket::form::{FromForm, FromFormField};
use rocket::post;
use rocket::response::Redirect;

use crate::auth::NextPath;
use crate::web::cookies::Cookies;
use crate::web::form::Form;
use crate::web::guards::SameOrigin;

#[derive(FromForm)]
pub(super) struct ThemeForm<'r> {
    theme: ThemeChoice,
    next: &'r str,
}

#[derive(FromFormField)]
enum ThemeChoice {
    Light,
    Dark,
    System,
}

/// Remembers a choice of theme. Nothing is at stake, so the same-origin check alone guards it.
#[post("/theme", data = "<form>")]
pub(super) fn choose(form: Form<ThemeForm<'_>>, _from_here: SameOrigin, cookies: Cookies<'_>) -> Redirect {
    cookies.set_theme(match form.theme {
        ThemeChoice::Light => "light",
        ThemeChoice::Dark => "dark",
        ThemeChoice::System => "system",
    });
    Redirect::to(NextPath::parse(form.next).unwrap_or_else(NextPath::home).to_string())
}
