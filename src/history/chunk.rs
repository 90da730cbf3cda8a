use super::codec::{ChunkError, decode, encode};
use super::samples::Samples;
use super::series_id::SeriesId;
use crate::domain::Timestamp;

/// The most numbers in one chunk: some 100 KiB, which take a millisecond to read.
const MAX_VALUES: usize = 128 * 1024;

/// How often chunks are merged: those of the highest level stay as they are.
pub(super) const HIGHEST_LEVEL: i64 = 2;

/// How many chunks of a level become one of the next. With a sample each second, those that are written hold five, those of the next
/// level five minutes, and the largest an hour and a half; with one each five minutes, some days.
pub(super) const CHUNKS_TO_MERGE: [i64; 2] = [64, 16];

/// A chunk to be written.
#[derive(Clone, Debug)]
pub(super) struct NewChunk {
    pub(super) series: SeriesId,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    pub(super) level: i64,
    pub(super) data: Vec<u8>,
}

impl NewChunk {
    /// The samples as a chunk of a level; `None` where there are none.
    pub(super) fn of(series: SeriesId, level: i64, samples: &Samples) -> Result<Option<Self>, ChunkError> {
        let Some((first, last)) = samples.times.iter().min().zip(samples.times.iter().max()) else { return Ok(None) };
        Ok(Some(Self { series, first: *first, last: *last, level, data: encode(samples)? }))
    }

    /// The length of the data, as a column has it.
    pub(super) fn bytes(&self) -> i64 {
        i64::try_from(self.data.len()).unwrap_or(i64::MAX)
    }
}

/// The outcome of a merge.
#[derive(Debug)]
pub(super) struct MergedChunks {
    /// The chunks of the next level.
    pub(super) chunks: Vec<NewChunk>,
    /// How many were left out, since they are damaged.
    pub(super) damaged: usize,
}

/// Merges chunks of a series, given the oldest first, into as few of the next level as hold them. Those of different intervals stay
/// apart: otherwise gaps in the denser ones would be none any more.
///
/// # Errors
/// [`ChunkError`] where they are to be left as they are: one is of another version, or what they hold cannot be written.
pub(super) fn merge(series: SeriesId, level: i64, data: &[Vec<u8>]) -> Result<MergedChunks, ChunkError> {
    let mut merged = MergedChunks { chunks: Vec::new(), damaged: 0 };
    let mut samples = Samples::default();
    for bytes in data {
        let next = match decode(bytes) {
            Ok(next) => next,
            Err(ChunkError::Damaged) => {
                merged.damaged += 1;
                continue;
            }
            Err(error @ ChunkError::OtherVersion) => return Err(error),
        };
        let is_other = samples.interval != next.interval && !samples.times.is_empty();
        if is_other || samples.value_count_with(&next) > MAX_VALUES {
            merged.chunks.extend(NewChunk::of(series, level + 1, &samples)?);
            samples = next;
        } else {
            samples.append(next);
        }
    }
    merged.chunks.extend(NewChunk::of(series, level + 1, &samples)?);
    Ok(merged)
}
