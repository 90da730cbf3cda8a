use rocket::response::Redirect;
use rocket::{Route, get, post, routes};

use crate::auth::ApiAuth;
use crate::domain::TokenId;
use crate::web::form::IdForm;
use crate::web::guards::{AdminAct, Administrator, CsrfForm, QueryParams};
use crate::web::html::Html;
use crate::web::links::Link;
use crate::web::refusal::Refusal;
use crate::web::views::{AdminTokensView, Layout, Notice, Tone, cut_to_page};

pub(super) fn routes() -> Vec<Route> {
    routes![show, revoke]
}

/// Tokens on a page: as many as one looks through.
const PAGE_SIZE: usize = 50;

/// The last page that is looked up: nobody turns so many.
const MAX_PAGE: usize = 10_000;

/// Everybody's API tokens, those used last first.
#[get("/tokens")]
async fn show(
    _administrator: Administrator,
    params: QueryParams,
    layout: Layout,
    api_auth: &ApiAuth,
) -> Result<Html<AdminTokensView>, Refusal> {
    let page = params.get("page").and_then(|page| page.parse().ok()).unwrap_or(0).min(MAX_PAGE);
    // One more shows whether there is another page.
    let mut tokens = api_auth.tokens().list(page * PAGE_SIZE, PAGE_SIZE + 1).await?;
    let goes_on = cut_to_page(&mut tokens, PAGE_SIZE);
    let view = AdminTokensView::of(&tokens, page, goes_on, notice(&params));
    Ok(Html::new("admin/tokens", "API tokens", layout, view))
}

/// The notice after revoking a token, by the query string. Whoever makes up such an address fools themselves alone.
fn notice(params: &QueryParams) -> Option<Notice> {
    let text = match params.get("revoked")? {
        "0" => "There was nothing to revoke: it had ended before.",
        _ => "The token is revoked. What was open with it has stopped.",
    };
    Some(Notice { tone: Tone::Info, text: text.to_owned() })
}

/// Revokes a token, whoever's it is.
#[post("/tokens/revoke", data = "<form>")]
async fn revoke(form: CsrfForm<'_, IdForm<i64>>, act: AdminAct<'_>, api_auth: &ApiAuth) -> Result<Redirect, Refusal> {
    let id = TokenId::new(form.id);
    let ended = api_auth.revoke_token(id, None, &act.client).await?;
    if ended {
        act.audit(&format!("revoked API token {id}"));
    }
    Ok(Redirect::to(Link::to("admin/tokens").with("revoked", u8::from(ended))))
}
