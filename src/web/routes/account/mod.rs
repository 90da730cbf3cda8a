//! A member's own account: their sessions and API tokens.

mod tokens;

use rocket::response::Redirect;
use rocket::{Route, get, post, routes};

use self::tokens::OwnTokens;
use crate::auth::Auth;
use crate::domain::{Client, Member, SessionId};
use crate::sessions::Sessions;
use crate::web::form::IdForm;
use crate::web::guards::{CsrfForm, NoFields, QueryParams};
use crate::web::html::Html;
use crate::web::links::Link;
use crate::web::refusal::Refusal;
use crate::web::views::{AccountView, Layout, Notice, Tone};

pub(super) fn routes() -> Vec<Route> {
    [routes![show, end_session, end_other_sessions], tokens::routes()].concat()
}

#[get("/")]
async fn show(
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
        (Some("changed"), _) => (
            Tone::Info,
            "Your password is changed. Where you were signed in before, you are signed out, and your API tokens have ended.",
        ),
        (Some("changed-here"), _) => (
            Tone::Bad,
            "Your password is changed, but other sessions could not be ended just now: what is in the list below is \
             still signed in.",
        ),
        (_, Some("ended")) => (Tone::Info, "You are signed out there. What was open has stopped."),
        (_, Some("others-ended")) => {
            (Tone::Info, "You are signed out everywhere else, and your API tokens have ended. What was open has stopped.")
        }
        (_, Some("gone")) => (Tone::Info, "There was nothing to end: you were signed out there before."),
        _ => return None,
    };
    Some(Notice { tone, text: text.to_owned() })
}

/// Ends a session of one's own in another browser.
#[post("/sessions/end", data = "<form>")]
async fn end_session(
    form: CsrfForm<'_, IdForm<SessionId>>,
    member: Member,
    client: Client,
    auth: &Auth,
) -> Result<Redirect, Refusal> {
    let ended = auth.end_own_session(&member, form.id, &client).await?;
    Ok(Redirect::to(Link::to("account").with("sessions", if ended { "ended" } else { "gone" })))
}

/// Ends all that one has proved, but for this session.
#[post("/sessions/end-others", data = "<_form>")]
async fn end_other_sessions(
    _form: CsrfForm<'_, NoFields>,
    member: Member,
    client: Client,
    auth: &Auth,
) -> Result<Redirect, Refusal> {
    auth.end_all_else(&member, &client).await?;
    Ok(Redirect::to(Link::to("account").with("sessions", "others-ended")))
}
