//! Reading what streams still have.

use std::sync::Arc;

use redis::streams::StreamRangeReply;

use super::error::BusError;
use super::session::BusSession;
use super::topic_state::{StreamId, TopicState};

/// How many entries of each stream are read at a time at the most: few at first, and more while they are short. All that is asked at a
/// time has to come within the connection's time-out, and an entry may be megabytes long.
const MAX_PAGE: usize = 512;
const PAGE_STEP: usize = 8;

/// How many bytes of all streams may come at a time for more to be asked next, and above which it is fewer.
const FEW_BYTES: usize = 128 * 1024;
const MANY_BYTES: usize = 1024 * 1024;

/// The field of an entry, as the script appends it.
const FIELD: &str = "e";

impl BusSession<'_> {
    /// How many streams are read at a time.
    pub(super) const MAX_PASTS_AT_A_TIME: usize = 32;

    /// Reads the streams of these topics from where each was read last.
    pub(super) async fn read_pasts(&self, topics: &[Arc<TopicState>]) -> Result<(), BusError> {
        self.find_forgotten(topics).await?;
        let mut unread = topics.to_vec();
        let mut page_length = (Self::MAX_PASTS_AT_A_TIME / topics.len().max(1)).max(1);
        while !unread.is_empty() {
            let mut pipeline = redis::pipe();
            for topic in &unread {
                let from =
                    topic.progress().cursor.map_or_else(|| "-".to_owned(), |(millis, number)| format!("({millis}-{number}"));
                pipeline.cmd("XRANGE").arg(topic.name.stream()).arg(from).arg("+").arg("COUNT").arg(page_length);
            }
            let pages: Vec<StreamRangeReply> = self.check(pipeline.query_async(&mut self.commands.clone()).await)?;
            let mut is_full = pages.iter().map(|page| page.ids.len() >= page_length);
            let mut length = 0;
            for (topic, page) in unread.iter().zip(&pages) {
                for entry in &page.ids {
                    if let Some((id, bytes)) = parse_id(&entry.id).zip(entry.get::<Vec<u8>>(FIELD)) {
                        length += bytes.len();
                        topic.read(id, &bytes, &self.shared.context);
                    }
                }
            }
            unread.retain(|_| is_full.next().unwrap_or(false));
            page_length = next_page_length(page_length, length);
        }
        Ok(())
    }

    /// Begins anew with streams that end before the place up to which they were read: the server has lost their end, as one does
    /// that another took over from.
    async fn find_forgotten(&self, topics: &[Arc<TopicState>]) -> Result<(), BusError> {
        let returning = topics.iter().filter(|topic| {
            let progress = topic.progress();
            !progress.has_caught_up && progress.cursor.is_some()
        });
        let returning: Vec<_> = returning.collect();
        if returning.is_empty() {
            return Ok(());
        }
        let mut pipeline = redis::pipe();
        for topic in &returning {
            pipeline.cmd("XREVRANGE").arg(topic.name.stream()).arg("+").arg("-").arg("COUNT").arg(1);
        }
        let ends: Vec<StreamRangeReply> = self.check(pipeline.query_async(&mut self.commands.clone()).await)?;
        for (topic, end) in returning.iter().zip(&ends) {
            let end = end.ids.first().and_then(|entry| parse_id(&entry.id));
            let mut progress = topic.progress();
            if end < progress.cursor {
                progress.cursor = None;
            }
        }
        Ok(())
    }
}

/// How many entries of each stream are read after so many that had so many bytes together.
fn next_page_length(page_length: usize, bytes: usize) -> usize {
    match bytes {
        ..=FEW_BYTES => (page_length * PAGE_STEP).min(MAX_PAGE),
        MANY_BYTES.. => (page_length / PAGE_STEP).max(1),
        _ => page_length,
    }
}

fn parse_id(id: &str) -> Option<StreamId> {
    let (millis, number) = id.split_once('-')?;
    Some((millis.parse().ok()?, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_entries_are_read_many_at_a_time_and_long_ones_one_by_one() {
        let lengths = |bytes_of_entry: usize| {
            let next = |page_length: &usize| Some(next_page_length(*page_length, *page_length * bytes_of_entry));
            std::iter::successors(Some(1), next).take(5).collect::<Vec<_>>()
        };
        assert_eq!(lengths(100), [1, 8, 64, 512, 512]);
        assert_eq!(lengths(100_000), [1, 8, 8, 8, 8]);
        assert_eq!(lengths(2_000_000), [1; 5]);
    }
}
