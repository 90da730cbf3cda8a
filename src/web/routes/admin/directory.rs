use rocket::response::Redirect;
use rocket::{Route, get, post, routes};

use crate::audit::AuditEvent;
use crate::auth::{Auth, Release, SessionRefresher};
use crate::config::SessionSettings;
use crate::directory::Directory;
use crate::domain::Username;
use crate::web::diagnostics_runner::DiagnosticsRunner;
use crate::web::form::PersonForm;
use crate::web::guards::{AdminAct, Administrator, CsrfForm, QueryParams};
use crate::web::html::Html;
use crate::web::links::Link;
use crate::web::refusal::Refusal;
use crate::web::views::{AdminDirectoryView, DirectoryView, Layout, Notice, Tone};

pub(super) fn routes() -> Vec<Route> {
    routes![show, run_diagnostics, release_attempts]
}

#[get("/directory")]
fn show(
    administrator: Administrator,
    layout: Layout,
    runner: &DiagnosticsRunner,
    session_refresher: &SessionRefresher,
    sessions: &SessionSettings,
    params: QueryParams,
) -> Html<AdminDirectoryView> {
    let Administrator(member) = administrator;
    let own_name = runner.directories().sign_in_name(&member.person);
    let directory = DirectoryView::of(runner, own_name.as_ref().map_or("", Username::as_str));
    let view = AdminDirectoryView::of(directory, session_refresher, sessions.max_staleness, release_notice(&params));
    Html::new("admin/directory", "Directory", layout, view)
}

/// Forgets the failed sign-ins of somebody who has to wait before they may try again.
#[post("/release", data = "<form>")]
async fn release_attempts(form: CsrfForm<'_, PersonForm<'_>>, act: AdminAct<'_>, auth: &Auth) -> Result<Redirect, Refusal> {
    let name = Username::parse(form.person).map_err(|fault| Refusal::BadRequest(fault.to_string()))?;
    let released = auth.release_attempts(&name).await?;
    act.record(&AuditEvent::AttemptsReleased { name: name.as_str(), by: Some(&act.admin) });
    let outcome = match released {
        Release { had_failures: true, .. } => "released",
        Release { is_known: true, .. } => "not-waiting",
        Release { .. } => "unknown",
    };
    Ok(Redirect::to(Link::to("admin/directory").with("release", outcome)))
}

/// The notice about a release, by its outcome in the address.
fn release_notice(params: &QueryParams) -> Option<Notice> {
    let text = match params.get("release")? {
        "released" => "Their wrong tries are forgotten. They may try again at once.",
        "not-waiting" => "There were no wrong tries of theirs: it is not this site that keeps them waiting.",
        "unknown" => "There were no wrong tries for that name, and nobody has signed in with it so far.",
        _ => return None,
    };
    Some(Notice { tone: Tone::Info, text: text.to_owned() })
}

/// Runs the directory's diagnostics; the page that this redirects to shows the results.
#[post("/examine", data = "<form>")]
async fn run_diagnostics(
    form: CsrfForm<'_, PersonForm<'_>>,
    act: AdminAct<'_>,
    runner: &DiagnosticsRunner,
) -> Result<Redirect, Refusal> {
    let person = match form.person.trim() {
        "" => None,
        typed => Some(Username::parse(typed).map_err(|fault| Refusal::BadRequest(fault.to_string()))?),
    };
    if person.as_ref().is_some_and(Username::is_local) {
        return Err(Refusal::BadRequest("a local account is in no directory".to_owned()));
    }
    let whom = person.as_ref().map_or_else(String::new, |name| format!(" and looked up {}", name.as_str()));
    act.audit(&format!("examined the directory{whom}"));
    runner.run(person.as_ref()).await;
    Ok(Redirect::to(Link::to("admin/directory")))
}
