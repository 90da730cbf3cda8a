use rocket::response::Redirect;
use rocket::{get, post};

use crate::audit::AuditEvent;
use crate::auth::ApiAuth;
use crate::domain::{Client, TokenId};
use crate::web::form::{Form, IdForm};
use crate::web::guards::{Administrator, CsrfGuard, QueryParams, RecentlyAuthenticated};
use crate::web::html::Html;
use crate::web::refusal::Refusal;
use crate::web::views::{AdminTokensView, Layout, Notice, Tone};

/// Tokens on a page: as many as one looks through.
const PAGE_SIZE: usize = 50;

/// The last page that is looked up: nobody turns so many.
const MAX_PAGE: usize = 10_000;

/// Everybody's API tokens, those used last first.
#[get("/tokens")]
pub(super) async fn show(
    _administrator: Administrator,
    params: QueryParams,
    layout: Layout,
    api_auth: &ApiAuth,
) -> Result<Html<AdminTokensView>, Refusal> {
    let page = params.get("page").and_then(|page| page.parse().ok()).unwrap_or(0).min(MAX_PAGE);
    // One more shows whether there is another page.
    let mut tokens = api_auth.tokens().list(page * PAGE_SIZE, PAGE_SIZE + 1).await?;
    let is_more = tokens.len() > PAGE_SIZE;
    tokens.truncate(PAGE_SIZE);
    let view = AdminTokensView::of(&tokens, page, is_more, notice(&params));
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
pub(super) async fn revoke(
    form: Form<IdForm<'_, i64>>,
    administrator: Administrator,
    csrf_guard: CsrfGuard<'_>,
    _recently: RecentlyAuthenticated,
    client: Client,
    api_auth: &ApiAuth,
) -> Result<Redirect, Refusal> {
    csrf_guard.check(form.csrf)?;
    let id = TokenId::new(form.id);
    let ended = api_auth.revoke_token(id, None, &client).await?;
    if ended {
        let what = &format!("revoked API token {id}");
        api_auth.audit().record(&client, &AuditEvent::AdminActed { admin: &administrator.0, what });
    }
    Ok(Redirect::to(format!("/admin/tokens?revoked={}", u8::from(ended))))
}
