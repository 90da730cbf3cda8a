use serde::{Deserialize, Serialize};

use crate::domain::{Reading, Series, SeriesLine, Timestamp};
use crate::sources::{SourceDocument, SourceError};

/// An answer to a feed, as nodes tell it to each other. Its shape is part of the bus' format.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum FeedMessage {
    /// A reading of any kind but a series.
    Reading(Reading),
    /// A series, by its times in milliseconds, its lines, and its end.
    Series(Vec<i64>, Vec<(String, Vec<f64>)>, Option<i64>),
    /// None.
    Failure(SourceError),
}

/// An answer to a request for a document, as nodes tell it to each other.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct DocumentMessage<'a> {
    /// How long before the answer the feed was due that had the request sent, in milliseconds.
    pub(super) beat_before: u64,
    #[serde(borrow)]
    pub(super) result: Result<&'a [u8], SourceError>,
}

impl FeedMessage {
    /// The message's bytes.
    pub(super) fn encode(answer: &Result<Reading, SourceError>) -> Vec<u8> {
        let message = match answer.clone() {
            Ok(Reading::Series(series)) => {
                let millis = |at: &Timestamp| at.as_millis();
                let lines = series.lines().iter().map(|line| (line.label.clone(), line.values.clone()));
                Self::Series(series.times().iter().map(millis).collect(), lines.collect(), series.until().as_ref().map(millis))
            }
            Ok(reading) => Self::Reading(reading),
            Err(error) => Self::Failure(error),
        };
        encode(&message)
    }

    /// The answer that another node has encoded; `None` where it cannot be read.
    pub(super) fn decode(bytes: &[u8]) -> Option<Result<Reading, SourceError>> {
        Some(match postcard::from_bytes(bytes).ok()? {
            Self::Reading(reading) => Ok(reading),
            Self::Series(times, lines, until) => {
                let times = times.into_iter().map(Timestamp::from_millis).collect();
                let lines = lines.into_iter().map(|(label, values)| SeriesLine { label, values }).collect();
                Ok(Reading::Series(Series::new(times, lines, until.map(Timestamp::from_millis)).ok()?))
            }
            Self::Failure(error) => Err(error),
        })
    }
}

impl<'a> DocumentMessage<'a> {
    /// The message's bytes.
    pub(super) fn encode(beat_before: u64, result: &'a Result<SourceDocument, SourceError>) -> Vec<u8> {
        let result = result.as_ref().map(SourceDocument::text).map_err(Clone::clone);
        encode(&Self { beat_before, result })
    }

    /// The message that another node has encoded; `None` where it cannot be read.
    pub(super) fn decode(bytes: &'a [u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}

fn encode(message: &impl Serialize) -> Vec<u8> {
    // Plain data always encodes.
    postcard::to_allocvec(message).unwrap_or_default()
}
