//! What floods take from members: `cargo bench --bench floods -- --program PATH`, optionally with `--only hashes`, `--only audit`,
//! `--only sign_in` and `--seconds 10`.
//!
//! The program is a process of its own, given by its path, so that an older one is measured alike. The strangers and the member
//! are in this process: the figures are for comparing two programs on one machine.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot go on should stop here")]

#[allow(dead_code, reason = "shared with other measurements, of which each needs a part")]
#[path = "../common/mod.rs"]
mod common;
mod member;
mod program;
mod strangers;

use std::time::Duration;

use crate::common::arguments::Arguments;
use crate::member::Measured;
use crate::program::Program;
use crate::strangers::Flood;

/// How long each line of the table is measured, unless told otherwise.
const SECONDS: u64 = 20;

fn main() {
    let arguments = Arguments::of_this_process();
    let length = arguments.length(SECONDS);
    let path = arguments.value("--program").unwrap_or(env!("CARGO_BIN_EXE_belvedere")).to_owned();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    println!("| flood | page | sign-in | let in | board | of the flood |");
    println!("|---|---:|---:|---:|---:|---:|");
    for flood in [Flood::None, Flood::Hashes, Flood::Audit, Flood::SignIn] {
        if flood == Flood::None || arguments.wants(flood.name()) {
            runtime.block_on(measure(&path, flood, length));
        }
    }
}

/// Measures a member beside a flood, on a server of its own.
async fn measure(path: &str, flood: Flood, length: Duration) {
    let program = Program::start(path).await;
    let strangers = flood.begin(&program, length);
    let (Measured { page, sign_in, tries, let_in, board }, count) =
        tokio::join!(member::measure(&program, flood, length), strangers);
    let row = [page, sign_in, board].map(|(median, p99)| format!("{median:.1?}, 99 % {p99:.1?}"));
    println!("| {} | {} | {} | {let_in} of {tries} | {} | {count} |", flood.name(), row[0], row[1], row[2]);
    program.stop().await;
}
