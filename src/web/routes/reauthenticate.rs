use rocket::form::FromForm;
use rocket::http::Status;
use rocket::response::Redirect;
use rocket::{Either, Route, get, post, routes};

use super::second_step::{self, SecondStepSubject};
use super::sign_in_context::{PasswordField, SignInContext};
use crate::auth::{NextPath, SignInRefusal};
use crate::config::SessionSettings;
use crate::domain::Member;
use crate::web::guards::{CsrfForm, Passkeys, QueryParams};
use crate::web::html::Html;
use crate::web::links::Link;
use crate::web::refusal::Refusal;
use crate::web::views::{Layout, Notice, ReauthenticateView, SecondStepView, Tone, humanize};

pub(super) fn routes() -> Vec<Route> {
    routes![show, submit]
}

/// The form for the password. Missing fields are empty, and refused as such.
#[derive(FromForm)]
pub(super) struct ReauthenticateForm {
    password: PasswordField,
    #[field(default = String::new())]
    next: String,
}

/// Asks a member for their second factor once more, or for their password where they have none.
#[get("/")]
async fn show(
    params: QueryParams,
    member: Member,
    layout: Layout,
    passkeys: Passkeys,
    context: SignInContext<'_>,
) -> Result<Either<Html<SecondStepView>, Html<ReauthenticateView>>, Refusal> {
    // Who comes without a session has none to authenticate again in.
    member.session().ok_or(Refusal::NotFound)?;
    let next = NextPath::or_home(params.get("next").unwrap_or_default());
    if context.auth.needs_second_factor(&member.person.id).await? {
        let subject = SecondStepSubject::Member(Box::new(member));
        return second_step::form(&context, layout, &passkeys, &subject, &next, None).await.map(Either::Left);
    }
    Ok(Either::Right(form(&member, layout, context.sessions, &next, None)))
}

/// Checks the password, renews the browser's session token, and leads back.
#[post("/", data = "<typed>")]
async fn submit(
    typed: CsrfForm<'_, ReauthenticateForm>,
    member: Member,
    layout: Layout,
    context: SignInContext<'_>,
) -> Result<Either<Redirect, Html<ReauthenticateView>>, Refusal> {
    let session = typed.binding().clone();
    let ReauthenticateForm { password, next } = typed.into_inner();
    let next = NextPath::or_home(&next);
    // A password alone proves nothing of whoever has a second factor.
    if context.auth.needs_second_factor(&member.person.id).await? {
        return Ok(Either::Left(Redirect::to(Link::reauthenticate(&next))));
    }
    match context.auth.reauthenticate(&member, password.0, &context.client, &session).await {
        Ok(Some(renewed)) => {
            let max_age = renewed.session.absolute_end.since(renewed.session.authenticated_at);
            context.cookies.set_session(&renewed.token, max_age);
            context.cookies.set_device(&renewed.device_cookie);
            Ok(Either::Left(Redirect::to(next.to_string())))
        }
        // The session has ended meanwhile: the form leads to the one for signing in.
        Ok(None) => Ok(Either::Left(Redirect::to(Link::reauthenticate(&next)))),
        Err(refusal) => {
            let (status, notice) = error_notice(&context, &refusal)?;
            Ok(Either::Right(form(&member, layout, context.sessions, &next, Some(notice)).with_status(status)))
        }
    }
}

fn form(
    member: &Member,
    layout: Layout,
    sessions: &SessionSettings,
    next: &NextPath,
    notice: Option<Notice>,
) -> Html<ReauthenticateView> {
    let view = ReauthenticateView {
        notice,
        username: member.person.qualified_name(),
        valid_for: humanize(sessions.recent),
        next: next.to_string(),
    };
    Html::new("auth/reauthenticate", "Your password again", layout, view)
}

/// The notice about a refusal. The name is given here, so it speaks of the password alone.
fn error_notice(context: &SignInContext<'_>, refusal: &SignInRefusal) -> Result<(Status, Notice), Refusal> {
    match refusal {
        SignInRefusal::WrongCredentials => {
            let text = "That is not your password. After several wrong tries you have to wait.";
            Ok((Status::Unauthorized, Notice { tone: Tone::Warn, text: text.to_owned() }))
        }
        refusal => context.error_notice(refusal),
    }
}
