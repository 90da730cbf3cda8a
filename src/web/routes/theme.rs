use rocket::form::{FromForm, FromFormField};
use rocket::response::Redirect;
use rocket::{Route, post, routes};

use crate::auth::NextPath;
use crate::web::cookies::Cookies;
use crate::web::form::Form;
use crate::web::guards::SameOrigin;

pub(super) fn routes() -> Vec<Route> {
    routes![choose]
}

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
#[post("/", data = "<form>")]
fn choose(form: Form<ThemeForm<'_>>, _from_here: SameOrigin, cookies: Cookies<'_>) -> Redirect {
    let ThemeForm { theme, next } = form.into_inner();
    cookies.set_theme(match theme {
        ThemeChoice::Light => "light",
        ThemeChoice::Dark => "dark",
        ThemeChoice::System => "system",
    });
    Redirect::to(NextPath::or_home(next).to_string())
}
