//! Feeds: each distinct query is asked once, however many watch.
//!
//! Feeds whose queries pick from one document, as filters of one URL do, share its request, and so what they show agrees.
//!
//! A [`FeedSubscription`] keeps a feed running, wakes its subscriber at every answer, and gives the feed's state: what the
//! source answered, as far back as somebody asks for, and why there is nothing newer. A source that fails is asked less and less often.
//! A feed's past ends with it, when the last subscription is dropped, but for what is [recorded](RecordedFeed); its last answer is retained until the query would be due. A
//! source is queried no more often than its rate, which is shared out by holder.
//!
//! Where there is a bus, nodes share this: the node that leads a feed's topic executes its query, the others record what it was
//! answered, and go on by themselves when it is gone. A document is requested by whichever node needs it first.
//!
//! This room never decides what to show of a reading, and knows nothing of channels and viewers.

mod backoff;
mod executor;
mod feed;
mod feed_archive;
mod feed_topic;
mod key;
mod message;
mod recorded_feed;
mod registry;
mod report;
mod retained;
mod shared_fetch;
mod shared_fetches;
mod size_limited_map;
mod source_gate;
mod state;
mod subscription;
mod trouble;

pub use executor::QueryExecutor;
pub use feed_archive::FeedsArchive;
pub use key::FeedKey;
pub use recorded_feed::RecordedFeed;
pub use registry::Feeds;
pub use report::FeedReport;
pub use state::FeedState;
pub use subscription::FeedSubscription;
pub use trouble::FeedTrouble;

#[cfg(test)]
mod tests;
