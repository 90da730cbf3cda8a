//! The archive of series: what feeds were answered in numbers, kept over restarts for as long as a page says.
//!
//! A [`HistoryArchive`] takes samples as they come and writes them every few seconds, in one transaction for all series. A chunk is
//! some samples of one series, compressed and with a checksum. Small chunks are merged into larger ones, which takes them fewer bytes;
//! those older than their series is kept for are deleted, and the oldest of all where there are too many bytes. A range is read
//! down-sampled: no peak is lost, and no more points come back than a chart draws.
//!
//! A process that is killed loses the samples of [`FLUSH_INTERVAL`], and nothing that was written. While the archive cannot be used,
//! samples wait in memory, bounded, and no board stops. Nothing here waits for a write: who reads does so beside it. This room knows
//! nothing of feeds and panels.

mod archive;
mod buffer;
mod chunk;
mod codec;
mod downsampler;
mod postgres;
mod samples;
mod series_id;
mod sqlite;
mod store;
mod writers;

pub use archive::{FLUSH_INTERVAL, HistoryArchive};
pub use downsampler::GAP_INTERVALS;
pub use series_id::SeriesId;
pub use writers::SeriesWriter;

#[cfg(test)]
mod tests;
