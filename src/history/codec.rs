//! The bytes of a chunk: a version, a checksum, and the samples in columns.

use std::time::Duration;

use flate2::Crc;
use pco::ChunkConfig;
use pco::errors::PcoError;
use pco::standalone::{simple_compress, simple_decompress};
use serde::{Deserialize, Serialize};

use super::samples::{SampleLine, Samples};
use crate::domain::{Timestamp, millis_of};

/// The first byte of today's chunks.
const VERSION: u8 = 1;

/// The bytes before the columns: the version and the checksum.
const HEADER_BYTES: usize = 5;

/// The fewest numbers that are compressed: what `pco` writes before the first is as long as some numbers.
const MIN_COMPRESSED: usize = 48;

/// The most numbers of a column, so that no chunk asks for more memory than those that are written.
const MAX_COLUMN: usize = 1 << 20;

/// Why the bytes of a chunk cannot be read, or its samples not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ChunkError {
    /// They are not those that were written.
    #[error("a chunk of the history is damaged")]
    Damaged,
    /// They are whole, and another version of the program wrote them.
    #[error("a chunk of the history is of another version")]
    OtherVersion,
}

impl From<PcoError> for ChunkError {
    fn from(_: PcoError) -> Self {
        Self::Damaged
    }
}

#[derive(Serialize, Deserialize)]
struct EncodedChunk {
    interval: u64,
    times: TimeColumn,
    lines: Vec<(String, ValueColumn)>,
}

#[derive(Serialize, Deserialize)]
enum TimeColumn {
    /// The first, in milliseconds, and then what each is after the one before.
    Deltas(Vec<i64>),
    Compressed(Vec<u8>),
}

#[derive(Serialize, Deserialize)]
enum ValueColumn {
    Plain(Vec<f64>),
    /// As many of the same.
    Constant(f64),
    Compressed(Vec<u8>),
}

/// The bytes of these samples.
///
/// # Errors
/// [`ChunkError::Damaged`] where they are more than a chunk may have.
pub(super) fn encode(samples: &Samples) -> Result<Vec<u8>, ChunkError> {
    let times: Vec<i64> = samples.times.iter().map(|at| at.as_millis()).collect();
    let lines = samples.lines.iter().map(|line| Ok((line.label.clone(), encode_values(&line.values)?)));
    let chunk = EncodedChunk {
        interval: u64::try_from(millis_of(samples.interval)).unwrap_or_default(),
        times: encode_times(&times)?,
        lines: lines.collect::<Result<_, ChunkError>>()?,
    };
    let columns = postcard::to_allocvec(&chunk).map_err(|_| ChunkError::Damaged)?;
    Ok([&[VERSION][..], &checksum(&columns), &columns].concat())
}

/// The samples of these bytes.
///
/// # Errors
/// [`ChunkError`] where they are not what was written, or of another version.
pub(super) fn decode(bytes: &[u8]) -> Result<Samples, ChunkError> {
    let (header, columns) = bytes.split_at_checked(HEADER_BYTES).ok_or(ChunkError::Damaged)?;
    // Chunks of all versions have a checksum there.
    if header[1..] != checksum(columns) {
        return Err(ChunkError::Damaged);
    }
    if header[0] != VERSION {
        return Err(ChunkError::OtherVersion);
    }
    let chunk: EncodedChunk = postcard::from_bytes(columns).map_err(|_| ChunkError::Damaged)?;
    let times = decode_times(chunk.times)?;
    let lines = chunk.lines.into_iter().map(|(label, column)| {
        let values = decode_values(column, times.len())?;
        Ok(SampleLine { label, values })
    });
    let lines = lines.collect::<Result<_, ChunkError>>()?;
    Ok(Samples { interval: Duration::from_millis(chunk.interval), times, lines })
}

fn checksum(columns: &[u8]) -> [u8; 4] {
    let mut crc = Crc::new();
    crc.update(columns);
    crc.sum().to_le_bytes()
}

fn encode_times(times: &[i64]) -> Result<TimeColumn, ChunkError> {
    if times.len() > MAX_COLUMN {
        return Err(ChunkError::Damaged);
    }
    if times.len() >= MIN_COMPRESSED {
        return Ok(TimeColumn::Compressed(simple_compress(times, &ChunkConfig::default())?));
    }
    let before = std::iter::once(0).chain(times.iter().copied());
    Ok(TimeColumn::Deltas(times.iter().zip(before).map(|(at, before)| at.wrapping_sub(before)).collect()))
}

fn decode_times(column: TimeColumn) -> Result<Vec<Timestamp>, ChunkError> {
    let times = match column {
        TimeColumn::Compressed(bytes) => simple_decompress(&bytes)?,
        TimeColumn::Deltas(mut times) => {
            let mut at = 0i64;
            for time in &mut times {
                at = at.wrapping_add(*time);
                *time = at;
            }
            times
        }
    };
    Ok(times.into_iter().map(Timestamp::from_millis).collect())
}

fn encode_values(values: &[f64]) -> Result<ValueColumn, ChunkError> {
    Ok(match values {
        [first, others @ ..] if others.iter().all(|value| value.to_bits() == first.to_bits()) => ValueColumn::Constant(*first),
        _ if values.len() < MIN_COMPRESSED => ValueColumn::Plain(values.to_vec()),
        _ => ValueColumn::Compressed(simple_compress(values, &ChunkConfig::default())?),
    })
}

fn decode_values(column: ValueColumn, length: usize) -> Result<Vec<f64>, ChunkError> {
    let values = match column {
        ValueColumn::Plain(values) => values,
        ValueColumn::Constant(value) => vec![value; length],
        ValueColumn::Compressed(bytes) => simple_decompress(&bytes)?,
    };
    if values.len() == length { Ok(values) } else { Err(ChunkError::Damaged) }
}
