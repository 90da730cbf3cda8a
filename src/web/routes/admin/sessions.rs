use rocket::response::Redirect;
use rocket::{Route, get, post, routes};

use crate::auth::Auth;
use crate::domain::{PersonId, SessionId};
use crate::sessions::{SessionList, Sessions};
use crate::web::form::{IdForm, PersonForm};
use crate::web::guards::{AdminAct, Administrator, CsrfForm, NoFields, QueryParams};
use crate::web::html::Html;
use crate::web::links::Link;
use crate::web::refusal::Refusal;
use crate::web::views::{AdminSessionsView, Layout, Notice, SessionsForm, Tone};

pub(super) fn routes() -> Vec<Route> {
    routes![show, end, end_of_person, end_of_everyone]
}

/// Sessions on a page: as many as one looks through; more are found by searching.
const PAGE_SIZE: usize = 50;

/// Everybody's sessions, or those of a name or an address.
#[get("/sessions")]
async fn show(
    administrator: Administrator,
    params: QueryParams,
    layout: Layout,
    sessions: &Sessions,
) -> Result<Html<AdminSessionsView>, Refusal> {
    let field = |name| params.get(name).unwrap_or_default().to_owned();
    let form = SessionsForm { name: field("name"), address: field("address") };
    let after = params.get("after").and_then(|id| id.parse().ok());
    let (listed, invalid) = match form.filter() {
        Ok(wanted) => (sessions.list(&wanted, after, PAGE_SIZE).await?, None),
        Err(invalid) => (SessionList { sessions: Vec::new(), next_after: None }, Some(invalid)),
    };
    let (count, notice) = (sessions.count().await?, invalid.or_else(|| notice(&params)));
    let boards = |id| sessions.live_connections(id);
    let view = AdminSessionsView::of(form, &listed, after.is_some(), &administrator.0, boards, count, notice);
    Ok(Html::new("admin/sessions", "Sessions", layout, view))
}

/// The notice after ending sessions, by the query string. Whoever makes up such an address fools themselves alone.
fn notice(params: &QueryParams) -> Option<Notice> {
    let text = match params.get("ended")?.parse::<u64>().ok()? {
        0 => "There was nothing to end: it had ended before.".to_owned(),
        1 => "One session has ended. What was open in it has stopped.".to_owned(),
        count => format!("{count} sessions have ended. What was open in them has stopped."),
    };
    Some(Notice { tone: Tone::Info, text })
}

fn redirect_to_list(ended: usize) -> Redirect {
    Redirect::to(Link::to("admin/sessions").with("ended", ended))
}

/// Ends one session. One's own too: whoever does that signs out.
#[post("/sessions/end", data = "<form>")]
async fn end(form: CsrfForm<'_, IdForm<SessionId>>, act: AdminAct<'_>, auth: &Auth) -> Result<Redirect, Refusal> {
    let ended = auth.end_session_as_admin(&act.admin, form.id, &act.client).await?;
    Ok(redirect_to_list(usize::from(ended)))
}

/// Ends all sessions of one person.
#[post("/sessions/end-all-of", data = "<form>")]
async fn end_of_person(form: CsrfForm<'_, PersonForm<'_>>, act: AdminAct<'_>, auth: &Auth) -> Result<Redirect, Refusal> {
    let person = PersonId::new(form.person);
    Ok(redirect_to_list(auth.end_all_of_as_admin(&act.admin, &person, &act.client).await?))
}

/// Ends everybody's sessions but this one.
#[post("/sessions/end-everybodys", data = "<_form>")]
async fn end_of_everyone(_form: CsrfForm<'_, NoFields>, act: AdminAct<'_>, auth: &Auth) -> Result<Redirect, Refusal> {
    Ok(redirect_to_list(auth.end_everything_as_admin(&act.admin, &act.client).await?))
}
