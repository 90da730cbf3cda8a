use std::time::Duration;

use crate::domain::BoundQuery;

/// A query and its interval. Equal keys share one feed.
///
/// The interval is part of it: it says how often an author wants the source to be asked, and how often a panel moves. A panel
/// that asks every minute is not to move every second because another page is open that does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FeedKey {
    /// The query, with the inputs' values bound to it.
    pub query: BoundQuery,
    /// How often it is executed.
    pub every: Duration,
}
