use serde::Serialize;

use super::navigation::{AdminNavItem, AdminPage};
use super::paging::Paging;
use crate::domain::Timestamp;
use crate::tokens::Token;
use crate::web::links::Link;
use crate::web::views::Notice;

/// The view of everybody's API tokens.
#[derive(Debug, Serialize)]
pub(in crate::web) struct AdminTokensView {
    navigation: Vec<AdminNavItem>,
    notice: Option<Notice>,
    tokens: Vec<TokenRow>,
    paging: Paging,
}

#[derive(Debug, Serialize)]
struct TokenRow {
    id: i64,
    name: String,
    owner: String,
    username: String,
    scope: String,
    second_factor: bool,
    expires_ms: Timestamp,
    last_used_ms: Option<Timestamp>,
    last_address: Option<String>,
}

impl AdminTokensView {
    /// The view of one page of the list; `page` counts from 0.
    pub(in crate::web) fn of(tokens: &[Token], page: usize, goes_on: bool, notice: Option<Notice>) -> Self {
        let row = |token: &Token| TokenRow {
            id: token.id.as_i64(),
            name: token.name.to_string(),
            owner: token.person.display_name.clone(),
            username: token.person.qualified_name(),
            scope: token.scope.to_string(),
            second_factor: token.second_factor,
            expires_ms: token.expires_at,
            last_used_ms: token.last_used_at,
            last_address: token.last_address.map(|address| address.to_string()),
        };
        let list = Link::to("admin/tokens");
        Self {
            navigation: AdminPage::Tokens.navigation(),
            notice,
            tokens: tokens.iter().map(row).collect(),
            paging: Paging::of(list.clone(), page > 0, goes_on.then(|| list.with("page", page + 1))),
        }
    }
}
