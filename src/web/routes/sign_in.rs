use std::time::Duration;

use rocket::form::FromForm;
use rocket::http::Status;
use rocket::response::Redirect;
use rocket::{Either, Route, get, post, routes};
use rocket_dyn_templates::Metadata;

use super::password;
use super::sign_in_context::{PasswordField, SignInContext, SignInResponse};
use crate::auth::{NextPath, SignInRefusal};
use crate::domain::Visitor;
use crate::web::SharedPages;
use crate::web::composed::Composed;
use crate::web::guards::{PreSessionForm, QueryParams, StaleForm};
use crate::web::html::Html;
use crate::web::links::Link;
use crate::web::refusal::Refusal;
use crate::web::views::{Layout, Notice, SignInView, Tone, humanize};

/// The template of what is a visitor's own on the form.
const OWN_TEMPLATE: &str = "auth/own";

pub(super) fn routes() -> Vec<Route> {
    routes![show, submit]
}

/// The sign-in form. Missing fields are empty, and refused as such: with the form, not with an error.
#[derive(FromForm)]
pub(super) struct SignInForm {
    #[field(default = String::new())]
    username: String,
    password: PasswordField,
    #[field(default = String::new())]
    next: String,
    #[field(default = false)]
    stay: bool,
}

/// Shows the form; a member is sent on to where they wanted to go, and one whom nobody can confirm is told so.
#[get("/")]
fn show(
    params: QueryParams,
    visitor: Visitor,
    layout: Layout,
    context: SignInContext<'_>,
    shared_pages: &SharedPages,
    templates: Metadata<'_>,
) -> Result<Either<Redirect, Either<Composed, Html<SignInView>>>, Refusal> {
    let next = NextPath::or_home(params.get("next").unwrap_or_default());
    let notice = match visitor {
        Visitor::Member(_) => return Ok(Either::Left(Redirect::to(next.to_string()))),
        Visitor::Unconfirmed => Some(unconfirmed_notice(context.sessions.max_staleness)),
        Visitor::Anonymous => None,
    };
    let form = context.sign_in_form(layout, &next, "", notice)?;
    let shared = form.context().view.shared();
    let composed = shared.and_then(|shared| shared_pages.compose(&templates, &form, OWN_TEMPLATE, shared));
    Ok(Either::Right(composed.map_or(Either::Right(form), Either::Left)))
}

/// The notice for a member whom nobody can confirm.
fn unconfirmed_notice(stale_after: Duration) -> Notice {
    let text = format!(
        "You are still signed in, but the company directory has not answered for more than {}, and without it nobody \
         can say what you may see. Your pages open again when it answers, without signing in. Pages open to all stay \
         open.",
        humanize(stale_after)
    );
    Notice { tone: Tone::Warn, text }
}

/// Signs somebody in and sends them back to where they wanted to go, or says why not above the form. Who must change
/// their password first, and can do so here, gets the form for that.
#[post("/", data = "<form>")]
async fn submit(
    form: PreSessionForm<'_, SignInForm>,
    layout: Layout,
    context: SignInContext<'_>,
) -> Result<SignInResponse, Refusal> {
    let SignInForm { username, password, next, stay } = match form.0 {
        Ok(form) => form.into_inner(),
        Err(StaleForm(SignInForm { username, next, .. })) => {
            let form = context.sign_in_form_again(layout, &NextPath::or_home(&next), &username)?;
            return Ok(Either::Right(Either::Left(form)));
        }
    };
    let next = NextPath::or_home(&next);
    let previous = context.cookies.session();
    let refusal = match context.auth.sign_in(&username, password.0, stay, &context.client, previous.as_ref()).await {
        Ok(signed_in) => {
            context.set_cookies(&signed_in);
            return Ok(Either::Left(Redirect::to(next.to_string())));
        }
        Err(SignInRefusal::SecondFactorFirst(pending)) => {
            context.cookies.set_pending(&pending);
            return Ok(Either::Left(Redirect::to(Link::second_step(&next))));
        }
        Err(refusal) => refusal,
    };
    if let Some(notice) = password::change_required_notice(context.auth, &refusal, &username) {
        let form = password::anonymous_form(&context, layout, &next, &username, notice)?;
        return Ok(Either::Right(Either::Right(form.with_status(Status::Forbidden))));
    }
    let (status, notice) = context.error_notice(&refusal)?;
    let form = context.sign_in_form(layout, &next, &username, Some(notice))?;
    Ok(Either::Right(Either::Left(form.with_status(status))))
}

/// Parses a sign-in form, and gives the name in it.
#[cfg(feature = "fuzzing")]
pub(in crate::web) fn parse_username(form: &str) -> Option<String> {
    rocket::form::Form::parse_encoded(form.into()).ok().map(|form: SignInForm| form.username)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use zeroize::ZeroizeOnDrop;

    use super::*;

    fn wipes_itself(_: &impl ZeroizeOnDrop) {}

    #[test]
    fn the_forms_password_wipes_itself_and_is_empty_when_it_is_missing() {
        let typed: SignInForm = rocket::form::Form::parse("username=alice&password= correct horse ").unwrap();
        wipes_itself(&typed.password.0);
        assert_eq!(*typed.password.0, " correct horse ", "nothing is trimmed");
        let missing: SignInForm = rocket::form::Form::parse("username=alice").unwrap();
        assert_eq!(*missing.password.0, "");
    }
}
