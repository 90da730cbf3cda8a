use std::sync::Arc;

use rocket::{State, get};

use crate::auth::{Auth, Scripts};
use crate::domain::{Member, Visitor};
use crate::pages::Shelf;
use crate::sessions::Sessions;
use crate::web::guards::Asked;
use crate::web::html::Html;
use crate::web::refusal::Refusal;
use crate::web::rooms::Limits;
use crate::web::views::{AccountView, Chrome, Said, TokensView, Tone};

#[get("/account")]
pub(super) async fn show(
    asked: Asked,
    member: Member,
    chrome: Chrome,
    auth: &State<Arc<Auth>>,
    shelf: &State<Arc<Shelf>>,
    scripts: &State<Arc<Scripts>>,
    limits: &State<Limits>,
    sessions: &State<Sessions>,
) -> Result<Html<AccountView>, Refusal> {
    let sessions = sessions.of(&member.person.id).await?;
    let changes_password = auth.name_for_change(&member.person).is_some();
    let tokens = scripts.tokens().of(&member.person.id).await?;
    let pages = shelf.openable(&Visitor::from(member.clone()));
    let tokens = TokensView::of(&tokens, &pages, &limits.tokens);
    let view = AccountView::of(&member, &sessions, said(asked.get("password")), changes_password, tokens);
    Ok(Html::new("auth/account", "Your account", chrome, view))
}

/// What is said to somebody who comes from changing their password. Whoever makes up such an address tells themselves.
fn said(password: Option<&str>) -> Option<Said> {
    let (tone, text) = match password? {
        "changed" => (Tone::Info, "Your password is changed. Where you were signed in before, you are signed out."),
        "changed-here" => (
            Tone::Bad,
            "Your password is changed, but other sessions could not be ended just now: what is in the list below is \
             still signed in.",
        ),
        _ => return None,
    };
    Some(Said { tone, text: text.to_owned() })
}
