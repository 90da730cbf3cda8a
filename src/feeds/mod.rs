//! Feeds: each distinct query is asked once, however many watch.
//!
//! A [`FeedSubscription`] keeps a feed running, wakes its subscriber at every answer, and gives the feed's state: what the
//! source answered last, and why there is nothing newer. A source that fails is asked less and less often.
//!
//! This room never decides what to show of a reading, and knows nothing of channels and viewers.

mod backoff;
mod feed;
mod feeds;
mod report;
mod subscription;

pub use feed::{FeedKey, FeedState, QueryExecutor};
pub use feeds::Feeds;
pub use report::FeedReport;
pub use subscription::FeedSubscription;
