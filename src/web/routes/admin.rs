use std::sync::Arc;

use rocket::form::FromForm;
use rocket::response::Redirect;
use rocket::{State, get, post};

use crate::auth::Refresh;
use crate::domain::{Username, Visitor};
use crate::live::Hub;
use crate::pages::Shelf;
use crate::web::examiner::Examiner;
use crate::web::form::Form;
use crate::web::guards::{Administrator, OwnForm, RecentlyProved};
use crate::web::html::Html;
use crate::web::refusal::Refusal;
use crate::web::rooms::Limits;
use crate::web::views::{AdminView, Chrome, DirectoryView};

#[get("/")]
pub(super) fn show(
    administrator: Administrator,
    chrome: Chrome,
    shelf: &State<Arc<Shelf>>,
    hub: &State<Arc<Hub>>,
    examiner: &State<Examiner>,
    refresh: &State<Arc<Refresh>>,
    limits: &State<Limits>,
) -> Html<AdminView> {
    let Administrator(member) = administrator;
    let directory = DirectoryView::of(examiner, &member.person.username);
    let pages = shelf.openable(&Visitor::from(member));
    let view = AdminView::of(shelf.faults(), directory, refresh, limits.session_stale_after, &pages, hub);
    Html::new("admin/index", "Administration", chrome, view)
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
    _administrator: Administrator,
    own: OwnForm<'_>,
    _recently: RecentlyProved,
    examiner: &State<Examiner>,
) -> Result<Redirect, Refusal> {
    own.check(form.csrf)?;
    let person = match form.person.trim() {
        "" => None,
        typed => Some(Username::parse(typed).map_err(|fault| Refusal::BadRequest(fault.to_string()))?),
    };
    examiner.examine(person.as_ref()).await;
    Ok(Redirect::to("/admin#directory"))
}
