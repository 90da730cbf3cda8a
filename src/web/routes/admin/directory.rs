use rocket::response::Redirect;
use rocket::{Route, get, post, routes};

use crate::auth::SessionRefresher;
use crate::config::SessionSettings;
use crate::directory::Directory;
use crate::domain::Username;
use crate::web::diagnostics_runner::DiagnosticsRunner;
use crate::web::form::PersonForm;
use crate::web::guards::{AdminAct, Administrator, CsrfForm};
use crate::web::html::Html;
use crate::web::links::Link;
use crate::web::refusal::Refusal;
use crate::web::views::{AdminDirectoryView, DirectoryView, Layout};

pub(super) fn routes() -> Vec<Route> {
    routes![show, run_diagnostics]
}

#[get("/directory")]
fn show(
    administrator: Administrator,
    layout: Layout,
    runner: &DiagnosticsRunner,
    session_refresher: &SessionRefresher,
    sessions: &SessionSettings,
) -> Html<AdminDirectoryView> {
    let Administrator(member) = administrator;
    let own_name = runner.directories().sign_in_name(&member.person);
    let directory = DirectoryView::of(runner, own_name.as_ref().map_or("", Username::as_str));
    let view = AdminDirectoryView::of(directory, session_refresher, sessions.max_staleness);
    Html::new("admin/directory", "Directory", layout, view)
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
