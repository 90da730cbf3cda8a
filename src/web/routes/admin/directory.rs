use rocket::form::FromForm;
use rocket::response::Redirect;
use rocket::{get, post};

use crate::audit::AuditEvent;
use crate::auth::{Auth, SessionRefresher};
use crate::config::SessionSettings;
use crate::domain::{Client, Username};
use crate::web::diagnostics_runner::DiagnosticsRunner;
use crate::web::form::Form;
use crate::web::guards::{Administrator, CsrfGuard, RecentlyAuthenticated};
use crate::web::html::Html;
use crate::web::refusal::Refusal;
use crate::web::views::{AdminDirectoryView, DirectoryView, Layout};

#[get("/directory")]
pub(super) fn show(
    administrator: Administrator,
    layout: Layout,
    runner: &DiagnosticsRunner,
    session_refresher: &SessionRefresher,
    sessions: &SessionSettings,
) -> Html<AdminDirectoryView> {
    let Administrator(member) = administrator;
    let directory = DirectoryView::of(runner, &member.person.username);
    let view = AdminDirectoryView::of(directory, session_refresher, sessions.max_staleness);
    Html::new("admin/directory", "Directory", layout, view)
}

#[derive(FromForm)]
pub(super) struct DiagnosticsForm<'r> {
    #[field(default = "")]
    csrf: &'r str,
    #[field(default = "")]
    person: &'r str,
}

/// Runs the directory's diagnostics; the page that this redirects to shows the results.
#[post("/examine", data = "<form>")]
pub(super) async fn run_diagnostics(
    form: Form<DiagnosticsForm<'_>>,
    administrator: Administrator,
    client: Client,
    auth: &Auth,
    csrf_guard: CsrfGuard<'_>,
    _recently: RecentlyAuthenticated,
    runner: &DiagnosticsRunner,
) -> Result<Redirect, Refusal> {
    csrf_guard.check(form.csrf)?;
    let person = match form.person.trim() {
        "" => None,
        typed => Some(Username::parse(typed).map_err(|fault| Refusal::BadRequest(fault.to_string()))?),
    };
    let whom = person.as_ref().map_or_else(String::new, |name| format!(" and looked up {}", name.as_str()));
    let what = &format!("examined the directory{whom}");
    auth.audit().record(&client, &AuditEvent::AdminActed { admin: &administrator.0, what });
    runner.run(person.as_ref()).await;
    Ok(Redirect::to("/admin/directory"))
}
