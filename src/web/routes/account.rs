use rocket::{State, get};

use crate::domain::Member;
use crate::sessions::Sessions;
use crate::web::html::Html;
use crate::web::refusal::Refusal;
use crate::web::views::{AccountView, Chrome};

#[get("/account")]
pub(super) async fn show(
    member: Member,
    chrome: Chrome,
    sessions: &State<Sessions>,
) -> Result<Html<AccountView>, Refusal> {
    let sessions = sessions.of(&member.person.id).await?;
    Ok(Html::new("auth/account", "Your account", chrome, AccountView::of(&member, &sessions)))
}
