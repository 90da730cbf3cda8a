use serde::{Deserialize, Serialize};

use crate::domain::Reading;
use crate::sources::{SourceDocument, SourceError};

/// An answer to a request for a document, as nodes tell it to each other.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct DocumentMessage<'a> {
    /// How long before the answer the feed was due that had the request sent, in milliseconds.
    pub(super) beat_before: u64,
    #[serde(borrow)]
    pub(super) result: Result<&'a [u8], SourceError>,
}

/// The bytes of an answer to a feed, as nodes tell it to each other. They are part of the bus' format.
pub(super) fn encode_answer(answer: &Result<Reading, SourceError>) -> Vec<u8> {
    encode(answer)
}

/// The answer that another node has encoded; `None` where it cannot be read.
pub(super) fn decode_answer(bytes: &[u8]) -> Option<Result<Reading, SourceError>> {
    postcard::from_bytes(bytes).ok()
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
