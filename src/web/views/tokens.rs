use std::time::Duration;

use serde::Serialize;
use zeroize::Zeroizing;

use super::humanize::humanize;
use crate::config::TokenSettings;
use crate::domain::Timestamp;
use crate::pages::ListedPage;
use crate::tokens::{ApiToken, Token};

/// The lifetimes that are offered, in days, as far as the settings allow them.
const LIFETIMES_IN_DAYS: [u64; 5] = [7, 30, 90, 180, 365];

/// The API tokens on one's account page.
#[derive(Debug, Serialize)]
pub(in crate::web) struct TokensView {
    tokens: Vec<TokenView>,
    scopes: Vec<SelectOption>,
    lifetimes: Vec<SelectOption>,
}

#[derive(Debug, Serialize)]
struct TokenView {
    id: i64,
    name: String,
    scope: String,
    second_factor: bool,
    expires_ms: Timestamp,
    last_used_ms: Option<Timestamp>,
    last_address: Option<String>,
}

/// An option of a form.
#[derive(Debug, Serialize)]
struct SelectOption {
    value: String,
    label: String,
    selected: bool,
}

impl TokensView {
    /// The view of `tokens`; `pages` are those that their owner may open.
    pub(in crate::web) fn of(tokens: &[Token], pages: &[ListedPage], settings: &TokenSettings) -> Self {
        let view = |token: &Token| TokenView {
            id: token.id.as_i64(),
            name: token.name.to_string(),
            scope: token.scope.to_string(),
            second_factor: token.second_factor,
            expires_ms: token.expires_at,
            last_used_ms: token.last_used_at,
            last_address: token.last_address.map(|address| address.to_string()),
        };
        let every = SelectOption { value: "read".to_owned(), label: "every page I may open".to_owned(), selected: true };
        let one = |page: &ListedPage| SelectOption {
            value: format!("read:{}", page.slug),
            label: format!("only {}", page.title),
            selected: false,
        };
        Self {
            tokens: tokens.iter().map(view).collect(),
            scopes: std::iter::once(every).chain(pages.iter().map(one)).collect(),
            lifetimes: lifetimes(settings),
        }
    }
}

/// The lifetimes to choose from, with the usual one among them and selected.
fn lifetimes(settings: &TokenSettings) -> Vec<SelectOption> {
    let mut offered: Vec<_> = LIFETIMES_IN_DAYS.map(|days| Duration::from_hours(days * 24)).to_vec();
    offered.retain(|length| *length <= settings.longest);
    offered.push(settings.lifetime);
    offered.sort();
    offered.dedup();
    let choice = |length: Duration| SelectOption {
        value: length.as_secs().to_string(),
        label: lifetime_label(length),
        selected: length == settings.lifetime,
    };
    offered.into_iter().map(choice).collect()
}

fn lifetime_label(length: Duration) -> String {
    let days = length.as_secs() / 86_400;
    if length == Duration::from_hours(days * 24) && days > 1 { format!("{days} days") } else { humanize(length) }
}

/// The view of a token that was just created, shown once.
#[derive(Serialize)]
pub(in crate::web) struct NewTokenView {
    name: String,
    scope: String,
    expires_ms: Timestamp,
    /// The token. It wipes itself; the page that it stands in is cached nowhere.
    secret: Zeroizing<String>,
    /// This site's address, for the command to try it with.
    site: String,
}

impl NewTokenView {
    pub(in crate::web) fn of(secret: &ApiToken, token: &Token, site: String) -> Self {
        Self {
            name: token.name.to_string(),
            scope: token.scope.to_string(),
            expires_ms: token.expires_at,
            secret: secret.reveal(),
            site,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_length_is_offered_that_the_settings_do_not_allow_and_the_usual_one_is_chosen() {
        let day = Duration::from_hours(24);
        let labels = |lifetime: Duration, longest: Duration| {
            let settings = TokenSettings { lifetime, longest, unrefreshed: day };
            let choices = lifetimes(&settings);
            assert_eq!(choices.iter().filter(|choice| choice.selected).count(), 1);
            choices.into_iter().map(|choice| choice.label).collect::<Vec<_>>()
        };
        assert_eq!(labels(90 * day, 365 * day), ["7 days", "30 days", "90 days", "180 days", "365 days"]);
        assert_eq!(labels(14 * day, 30 * day), ["7 days", "14 days", "30 days"]);
        assert_eq!(labels(Duration::from_mins(30), Duration::from_hours(1)), ["30 min"]);
    }
}
