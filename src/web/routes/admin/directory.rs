use std::sync::Arc;

use rocket::form::FromForm;
use rocket::response::Redirect;
use rocket::{State, get, post};

use crate::audit::Event;
use crate::auth::{Auth, Refresh};
use crate::domain::{Client, Username};
use crate::web::examiner::Examiner;
use crate::web::form::Form;
use crate::web::guards::{Administrator, OwnForm, RecentlyProved};
use crate::web::html::Html;
use crate::web::refusal::Refusal;
use crate::web::rooms::Limits;
use crate::web::views::{AdminDirectoryView, Chrome, DirectoryView};

#[get("/directory")]
pub(super) fn show(
    administrator: Administrator,
    chrome: Chrome,
    examiner: &State<Examiner>,
    refresh: &State<Arc<Refresh>>,
    limits: &State<Limits>,
) -> Html<AdminDirectoryView> {
    let Administrator(member) = administrator;
    let directory = DirectoryView::of(examiner, &member.person.username);
    let view = AdminDirectoryView::of(directory, refresh, limits.session_stale_after);
    Html::new("admin/directory", "Directory", chrome, view)
}

#[derive(FromForm)]
pub(super) struct ExamineForm<'r> {
    #[field(default = "")]
    csrf: &'r str,
    #[field(default = "")]
    person: &'r str,
}

/// Examines the directory; what came of it is shown by the page that this leads back to.
#[post("/examine", data = "<form>")]
pub(super) async fn examine(
    form: Form<ExamineForm<'_>>,
    administrator: Administrator,
    client: Client,
    auth: &State<Arc<Auth>>,
    own: OwnForm<'_>,
    _recently: RecentlyProved,
    examiner: &State<Examiner>,
) -> Result<Redirect, Refusal> {
    own.check(form.csrf)?;
    let person = match form.person.trim() {
        "" => None,
        typed => Some(Username::parse(typed).map_err(|fault| Refusal::BadRequest(fault.to_string()))?),
    };
    let whom = person.as_ref().map_or_else(String::new, |name| format!(" and looked up {}", name.as_str()));
    let what = &format!("examined the directory{whom}");
    auth.audit().record(&client, &Event::AdminActed { admin: &administrator.0, what });
    examiner.examine(person.as_ref()).await;
    Ok(Redirect::to("/admin/directory"))
}
