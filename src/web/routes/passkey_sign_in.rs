use rocket::form::FromForm;
use rocket::http::Status;
use rocket::response::Redirect;
use rocket::serde::json::Json;
use rocket::{Either, Route, post, routes};

use super::second_step::passkey_error;
use super::sign_in_context::{SignInContext, directory_trouble};
use crate::auth::{NextPath, PasskeySignInRefusal, PreSessionToken};
use crate::factors::{self, PasskeyRefusal, PasskeyResponse};
use crate::sessions::SessionToken;
use crate::web::guards::{CsrfForm, NoFields, Passkeys, PreSessionForm, StaleForm};
use crate::web::html::Html;
use crate::web::refusal::Refusal;
use crate::web::views::{Layout, Notice, SignInView, Tone};

pub(super) fn routes() -> Vec<Route> {
    routes![options, submit]
}

/// The form with a passkey's response.
#[derive(FromForm)]
pub(super) struct PasskeySignInForm<'r> {
    #[field(default = "")]
    next: &'r str,
    #[field(default = "")]
    credential: &'r str,
    #[field(default = "")]
    sealed: &'r str,
}

/// The options for using a passkey that is known here, whoever's, which the page's script hands to the browser. They are
/// bound to the form they are asked from, before a session or in one.
#[post("/options", data = "<sent>")]
fn options(
    sent: CsrfForm<'_, NoFields, Either<PreSessionToken, SessionToken>>,
    passkeys: Passkeys,
    context: SignInContext<'_>,
) -> Result<Json<factors::PasskeyChallenge>, Refusal> {
    let site = passkeys.site.map_err(|_| Refusal::NotFound)?;
    let challenge = context.auth.factors().start_passkey_authentication(&site, sent.csrf().as_bytes());
    Ok(Json(challenge?))
}

/// Signs in the owner of the passkey that responded.
#[post("/", data = "<sent>")]
async fn submit(
    sent: PreSessionForm<'_, PasskeySignInForm<'_>>,
    layout: Layout,
    passkeys: Passkeys,
    context: SignInContext<'_>,
) -> Result<Either<Redirect, Html<SignInView>>, Refusal> {
    let sent = match sent.0 {
        Ok(sent) => sent,
        Err(StaleForm(PasskeySignInForm { next, .. })) => {
            return context.sign_in_form_again(layout, &NextPath::or_home(next), "").map(Either::Right);
        }
    };
    let next = NextPath::or_home(sent.next);
    let site = passkeys.site.map_err(|_| Refusal::NotFound)?;
    let response = PasskeyResponse { credential: sent.credential, sealed: sent.sealed };
    let previous = context.cookies.session();
    let browser = sent.csrf().as_bytes();
    match context.auth.sign_in_with_passkey(&site, browser, response, &context.client, previous.as_ref()).await {
        Ok(signed_in) => {
            context.set_cookies(&signed_in);
            Ok(Either::Left(Redirect::to(next.to_string())))
        }
        Err(refusal) => {
            let (status, text) = error_text(&context, refusal)?;
            let form = context.sign_in_form(layout, &next, "", Some(Notice { tone: Tone::Warn, text }))?;
            Ok(Either::Right(form.with_status(status)))
        }
    }
}

fn error_text(context: &SignInContext<'_>, refusal: PasskeySignInRefusal) -> Result<(Status, String), Refusal> {
    Ok(match refusal {
        PasskeySignInRefusal::Store(error) | PasskeySignInRefusal::Passkey(PasskeyRefusal::Store(error)) => {
            return Err(error.into());
        }
        // Whether anybody has the passkey is for nobody who has not shown it.
        PasskeySignInRefusal::Passkey(PasskeyRefusal::UnknownPasskey | PasskeyRefusal::InvalidResponse(_)) => (
            Status::Unauthorized,
            "This passkey could not be checked, or is not known here (any more). Try it again, choose another, or sign in with \
             your password."
                .to_owned(),
        ),
        PasskeySignInRefusal::Passkey(refusal) => passkey_error(&refusal),
        PasskeySignInRefusal::NoServiceAccount => (
            Status::Forbidden,
            "A passkey alone does not sign you in here, since nobody could tell whether your account is still good. Sign \
             in with your password; the passkey is your second factor."
                .to_owned(),
        ),
        PasskeySignInRefusal::Removed(_) => (
            Status::Forbidden,
            format!("Your passkey is right, but your account may not sign in. {}", context.contact_advice()),
        ),
        PasskeySignInRefusal::Unreachable(unreachable) => {
            tracing::warn!(reason = unreachable.reason, "the owner of a passkey could not be asked about");
            (
                Status::ServiceUnavailable,
                format!("{}, so nobody can sign in. Try again in a minute.", directory_trouble(&unreachable)),
            )
        }
    })
}
