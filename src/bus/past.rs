//! Reading what streams still have.

use std::sync::Arc;

use redis::streams::StreamRangeReply;

use super::error::BusError;
use super::session::BusSession;
use super::topic_state::{StreamId, TopicState};

/// How many entries of each stream are read at a time.
const PAGE: usize = 512;

/// The field of an entry, as the script appends it.
const FIELD: &str = "e";

impl BusSession<'_> {
    /// How many streams are read at a time.
    pub(super) const MAX_PASTS_AT_A_TIME: usize = 32;

    /// Reads the streams of these topics from where each was read last.
    pub(super) async fn read_pasts(&self, topics: &[Arc<TopicState>]) -> Result<(), BusError> {
        self.find_forgotten(topics).await?;
        let mut unread = topics.to_vec();
        while !unread.is_empty() {
            let mut pipeline = redis::pipe();
            for topic in &unread {
                let from =
                    topic.progress().cursor.map_or_else(|| "-".to_owned(), |(millis, number)| format!("({millis}-{number}"));
                pipeline.cmd("XRANGE").arg(topic.name.stream()).arg(from).arg("+").arg("COUNT").arg(PAGE);
            }
            let pages: Vec<StreamRangeReply> = self.check(pipeline.query_async(&mut self.commands.clone()).await)?;
            let mut is_full = pages.iter().map(|page| page.ids.len() >= PAGE);
            for (topic, page) in unread.iter().zip(&pages) {
                for entry in &page.ids {
                    if let Some((id, bytes)) = parse_id(&entry.id).zip(entry.get::<Vec<u8>>(FIELD)) {
                        topic.read(id, &bytes, &self.shared.context);
                    }
                }
            }
            unread.retain(|_| is_full.next().unwrap_or(false));
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

fn parse_id(id: &str) -> Option<StreamId> {
    let (millis, number) = id.split_once('-')?;
    Some((millis.parse().ok()?, number.parse().ok()?))
}
