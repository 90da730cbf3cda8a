use rocket::{Route, get, routes};

use crate::auth::{Auth, NextPath};
use crate::domain::Member;
use crate::pages::PageStore;
use crate::web::guards::{Passkeys, QueryParams};
use crate::web::html::Html;
use crate::web::links::Link;
use crate::web::refusal::Refusal;
use crate::web::views::{FactorsView, Layout, Notice, Tone};

pub(super) fn routes() -> Vec<Route> {
    routes![show]
}

/// The second factors of a member. The page opens without a factor, since it is where one is set up.
#[get("/")]
async fn show(
    params: QueryParams,
    member: Member,
    layout: Layout,
    passkeys: Passkeys,
    auth: &Auth,
    page_store: &PageStore,
) -> Result<Html<FactorsView>, Refusal> {
    let enrolled = auth.factors().enrolled(&member.person.id).await?;
    let next = params.get("next").and_then(NextPath::parse).map(|next| next.to_string()).unwrap_or_default();
    let notice = notice(params.get("done"), !next.is_empty() && !enrolled.has_factor());
    let required = page_store.requires_second_factor(&member.person);
    let unavailable = passkeys.site.as_ref().err();
    let onward = next.clone();
    let href = |form: &str| if onward.is_empty() { Link::to(form) } else { Link::to(form).with("next", &onward) };
    let view = FactorsView::of(enrolled, unavailable, passkeys.passwordless, required, notice, next, href);
    Ok(Html::new("factors/index", "Second factors", layout, view))
}

/// The notice after an action, or for a member who comes from a page that asks for a factor they do not have. Whoever
/// makes up such an address fools themselves alone.
fn notice(done: Option<&str>, is_needed: bool) -> Option<Notice> {
    let (tone, text) = match done {
        Some("app") => (Tone::Info, "Your authenticator app is set up. You are asked for its code when you sign in."),
        Some("passkey") => (Tone::Info, "Your passkey is set up."),
        Some("removed") => (Tone::Info, "It is removed, and opens nothing any more."),
        _ if is_needed => (Tone::Warn, "What you came for takes a second factor, and you have none yet. Set one up here."),
        _ => return None,
    };
    Some(Notice { tone, text: text.to_owned() })
}
