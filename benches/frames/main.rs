//! The cost of encoding a batch's frame, plain and deflated, and its length: `cargo bench --bench frames`.
//!
//! A frame is encoded once for all viewers, so its cost is shared by them, and each byte it is shorter is saved by each.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot go on should stop here")]

mod batches;
#[path = "../common/usage.rs"]
#[allow(dead_code, reason = "what the others measure as well")]
mod usage;

use std::hint::black_box;

use belvedere::websocket::{MessageReader, WsMessage, deflated_text_frame, text_frame};
use flate2::{Compress, Compression, FlushCompress};

/// The allocator, as in the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often each frame is encoded; enough for a figure that two runs agree on.
const TIMES: u32 = 2_000;

/// The compression levels that the one in use was chosen from.
const LEVELS: [u32; 3] = [1, 6, 9];

fn main() {
    println!("\n| batch | frame | bytes | of plain | CPU each |");
    println!("|---|---|---:|---:|---:|");
    for (name, batch) in batches::all() {
        let plain = text_frame(&batch).len();
        let line = |what: &str, length: usize, micros: f64| {
            let share = 100 * length / plain;
            println!("| {name} | {what} | {length} | {share} % | {micros:.1} µs |");
        };
        line("plain", plain, each(|| text_frame(&batch)));
        line("**for those who take it deflated**", deflated_text_frame(&batch).len(), each(|| deflated_text_frame(&batch)));
        for level in LEVELS {
            let length = at_level(&batch, level).len();
            line(&format!("deflated at level {level}"), length, each(|| at_level(&batch, level)));
        }
        let said = masked(&deflated_text_frame(&batch));
        println!("| {name} | the same, read | | | {:.1} µs |", each(|| read_back(&said)));
    }
}

/// The cost of `work`, in microseconds of processor time.
fn each<T>(work: impl Fn() -> T) -> f64 {
    for _ in 0..TIMES / 10 {
        black_box(work());
    }
    let before = usage::cpu();
    for _ in 0..TIMES {
        black_box(work());
    }
    usage::cpu().saturating_sub(before).as_secs_f64() * 1e6 / f64::from(TIMES)
}

/// The payload at another level than the one in use, without a frame around it.
fn at_level(batch: &str, level: u32) -> Vec<u8> {
    let mut deflated = Vec::with_capacity(batch.len() + 64);
    let mut state = Compress::new(Compression::new(level), false);
    state.compress_vec(batch.as_bytes(), &mut deflated, FlushCompress::Sync).unwrap();
    deflated
}

/// A server's frame as a client would send it, under a mask that changes nothing.
fn masked(frame: &[u8]) -> Vec<u8> {
    let header = match frame[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    let mut said = [&frame[..header], &[0; 4], &frame[header..]].concat();
    said[1] |= 0x80;
    said
}

fn read_back(said: &[u8]) -> Option<WsMessage> {
    let mut bytes = said.to_vec();
    MessageReader::new(1 << 20).with_deflate().next(&mut bytes.as_mut_slice()).unwrap()
}
