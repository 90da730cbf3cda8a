//! The cost of a flood by strangers for a member: `cargo bench --bench page_floods`, optionally with `-- --only channels`,
//! `-- --only sources`, `-- --only filters`, and with `-- --program PATH` for another version of the program.
//!
//! The program runs as a process of its own, with a directory of sample people and a source here. A member opens a page, hears of a
//! board and signs in again and again, alone and beside the flood. Strangers come from addresses of their own on loopback.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot go on should stop here")]

#[allow(dead_code, reason = "shared with other measurements, of which each needs a part")]
#[path = "../common/mod.rs"]
mod common;
mod floods;
mod inner_source;
mod member;
mod pages;
mod program;

use std::path::PathBuf;

use crate::common::arguments::Arguments;
use crate::floods::FLOODS;
use crate::inner_source::InnerSource;
use crate::member::Member;
use crate::program::Program;

/// How long a member is measured, unless told otherwise.
const SECONDS: u64 = 10;

#[tokio::main]
async fn main() {
    let arguments = Arguments::of_this_process();
    let program = arguments.value("--program").unwrap_or(env!("CARGO_BIN_EXE_belvedere"));
    println!("| flood | a member's page | 99 % | refused | board | 99 % | sign-in | 99 % | what it had |");
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---|");
    for (name, start) in FLOODS {
        if !arguments.wants(name) {
            continue;
        }
        // A program of its own for each: nothing is left of the one before.
        let source = InnerSource::start().await;
        let server = Program::start(&PathBuf::from(program), &source).await;
        let mut member = Member::sign_in(server.address).await;
        println!("| {name}: none | {} | |", member.measure(arguments.length(SECONDS)).await);
        let flood = start(&server, &source);
        flood.has_begun().await;
        let figures = member.measure(arguments.length(SECONDS)).await;
        println!("| {name} | {figures} | {} |", flood.end(&server, &source));
    }
}
