use ldap3::Scope;

use super::searcher::MembershipSearcher;
use crate::directory::connection::{SearchRequest, SearchResult, Truncation};
use crate::directory::schema::{LdapEntry, filter};

/// The most groups that one filter finds: more than anybody is in.
pub(super) const MAX_GROUPS: u16 = 5_000;

/// The most searches for what one filter finds: a server that sends a twentieth of [`MAX_GROUPS`] at once sends them all.
const MAX_ROUNDS: usize = 20;

/// Searches for the groups that pass a filter, with their names alone. Where the server sends only some at once, whatever is
/// said of pages, the rest are asked for without those that are there.
///
/// # Errors
/// When a search fails.
pub(super) async fn search_groups<S: MembershipSearcher>(
    searcher: &mut S,
    base_dn: &str,
    wanted: &str,
) -> Result<SearchResult, S::Error> {
    let (mut found, mut known) = (SearchResult::default(), Vec::new());
    for _ in 0..MAX_ROUNDS {
        let request = SearchRequest {
            base: base_dn,
            scope: Scope::Subtree,
            filter: &filter::excluding(wanted, &known),
            attributes: &["cn", "entryUUID", "nsUniqueId"],
            limit: MAX_GROUPS,
        };
        let answer = searcher.run(&request).await?;
        let ids: Option<Vec<String>> = answer.entries.iter().map(id_clause).collect();
        found.entries.extend(answer.entries);
        found.truncated = answer.truncated;
        let ids = ids.filter(|ids| !ids.is_empty() && answer.truncated == Some(Truncation::SizeLimit));
        // Without ids they cannot be told from the rest.
        let Some(ids) = ids.filter(|_| found.entries.len() < usize::from(MAX_GROUPS)) else { break };
        known.extend(ids);
    }
    Ok(found)
}

/// The part of a filter that only this entry passes, by its stable id.
pub(super) fn id_clause(entry: &LdapEntry) -> Option<String> {
    let attribute = ["entryUUID", "nsUniqueId"].into_iter().find(|attribute| entry.text(attribute).is_some())?;
    Some(filter::equals(attribute, entry.text(attribute)?))
}
