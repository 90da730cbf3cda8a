use rocket::response::Redirect;
use rocket::{get, post};

use super::account_tokens::OwnTokens;
use crate::auth::Auth;
use crate::domain::{Client, Member, SessionId};
use crate::sessions::Sessions;
use crate::web::form::{CsrfForm, Form, IdForm};
use crate::web::guards::{CsrfGuard, QueryParams};
use crate::web::html::Html;
use crate::web::refusal::Refusal;
use crate::web::views::{AccountView, Layout, Notice, Tone};

#[get("/account")]
pub(super) async fn show(
    params: QueryParams,
    member: Member,
    layout: Layout,
    auth: &Auth,
    tokens: OwnTokens,
    sessions: &Sessions,
) -> Result<Html<AccountView>, Refusal> {
    let sessions = sessions.of_person(&member.person.id).await?;
    let can_change_password = auth.password_change_name(&member.person).is_some();
    let enrolled = auth.factors().enrolled(&member.person.id).await?;
    let view = AccountView::of(&member, &sessions, notice(&params), can_change_password, &enrolled, tokens.0);
    Ok(Html::new("auth/account", "Your account", layout, view))
}

/// The notice after changing a password or ending sessions, by the query string. Whoever makes up such an address fools
/// themselves alone.
fn notice(params: &QueryParams) -> Option<Notice> {
    let (tone, text) = match (params.get("password"), params.get("sessions")) {
        (Some("changed"), _) => (Tone::Info, "Your password is changed. Where you were signed in before, you are signed out."),
        (Some("changed-here"), _) => (
            Tone::Bad,
            "Your password is changed, but other sessions could not be ended just now: what is in the list below is \
             still signed in.",
        ),
        (_, Some("ended")) => (Tone::Info, "You are signed out there. What was open has stopped."),
        (_, Some("others-ended")) => (Tone::Info, "You are signed out everywhere else. What was open has stopped."),
        (_, Some("gone")) => (Tone::Info, "There was nothing to end: you were signed out there before."),
        _ => return None,
    };
    Some(Notice { tone, text: text.to_owned() })
}

/// Ends a session of one's own in another browser.
#[post("/account/sessions/end", data = "<form>")]
pub(super) async fn end_session(
    form: Form<IdForm<'_, SessionId>>,
    member: Member,
    csrf_guard: CsrfGuard<'_>,
    client: Client,
    auth: &Auth,
) -> Result<Redirect, Refusal> {
    csrf_guard.check(form.csrf)?;
    let ended = auth.end_own_session(&member, form.id, &client).await?;
    Ok(Redirect::to(if ended { "/account?sessions=ended" } else { "/account?sessions=gone" }))
}

/// Ends all sessions of one's own but this one.
#[post("/account/sessions/end-others", data = "<form>")]
pub(super) async fn end_other_sessions(
    form: Form<CsrfForm<'_>>,
    member: Member,
    csrf_guard: CsrfGuard<'_>,
    client: Client,
    auth: &Auth,
) -> Result<Redirect, Refusal> {
    csrf_guard.check(form.csrf)?;
    let ended = auth.end_own_other_sessions(&member, &client).await?;
    Ok(Redirect::to(if ended > 0 { "/account?sessions=others-ended" } else { "/account?sessions=gone" }))
}
