use rocket::form::FromForm;
use rocket::response::Redirect;
use rocket::{get, post};

use super::doorstep::Doorstep;
use crate::domain::{Client, PersonId};
use crate::web::form::Form;
use crate::web::guards::{Administrator, Asked, OwnForm, RecentlyProved};
use crate::web::html::Html;
use crate::web::refusal::Refusal;
use crate::web::views::{Chrome, OwnersView, Said, Tone};

/// As many as one looks through; a longer list is searched.
const MOST_OWNERS: usize = 100;

#[derive(FromForm)]
pub(super) struct ResetForm<'r> {
    #[field(default = "")]
    csrf: &'r str,
    #[field(default = "")]
    person: &'r str,
}

/// Who has second factors.
#[get("/factors")]
pub(super) async fn show(
    asked: Asked,
    _administrator: Administrator,
    chrome: Chrome,
    doorstep: Doorstep<'_>,
) -> Result<Html<OwnersView>, Refusal> {
    let find = asked.get("find").unwrap_or_default().trim();
    let owners = doorstep.auth.factors().owners(find, MOST_OWNERS).await?;
    let said = asked.get("done").map(|_| {
        let text =
            "Their second factors are reset. They set up new ones at their next sign-in, where one is asked for.";
        Said { tone: Tone::Info, text: text.to_owned() }
    });
    let view = OwnersView::of(owners, find, MOST_OWNERS, said);
    Ok(Html::new("admin/factors", "Second factors", chrome, view))
}

/// Takes all second factors of somebody away, who has lost them and said so to an admin who knows them.
#[post("/factors/reset", data = "<sent>")]
pub(super) async fn reset(
    sent: Form<ResetForm<'_>>,
    client: Client,
    administrator: Administrator,
    own: OwnForm<'_>,
    _recently: RecentlyProved,
    doorstep: Doorstep<'_>,
) -> Result<Redirect, Refusal> {
    own.check(sent.csrf)?;
    let person = PersonId::new(sent.person);
    doorstep.auth.reset_factors(&person, &administrator.0, &client).await?;
    Ok(Redirect::to("/admin/factors?done=reset"))
}
