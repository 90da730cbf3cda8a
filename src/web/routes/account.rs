use std::sync::Arc;

use rocket::{State, get};

use super::account_tokens::OwnTokens;
use crate::auth::Auth;
use crate::domain::Member;
use crate::sessions::Sessions;
use crate::web::guards::Asked;
use crate::web::html::Html;
use crate::web::refusal::Refusal;
use crate::web::views::{AccountView, Chrome, Said, Tone};

#[get("/account")]
pub(super) async fn show(
    asked: Asked,
    member: Member,
    chrome: Chrome,
    auth: &State<Arc<Auth>>,
    tokens: OwnTokens,
    sessions: &State<Sessions>,
) -> Result<Html<AccountView>, Refusal> {
    let sessions = sessions.of(&member.person.id).await?;
    let changes_password = auth.name_for_change(&member.person).is_some();
    let enrolled = auth.factors().of(&member.person.id).await?;
    let said = said(asked.get("password"));
    let view = AccountView::of(&member, &sessions, said, changes_password, &enrolled, tokens.0);
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
