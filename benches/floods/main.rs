//! A member's waits beside floods of requests: `cargo bench --bench floods`, optionally with `-- --only NAME` (`hashes`, `audit`, `sign_in`,
//! `channels`, `sources`, `filters`), `-- --seconds 10`, and `-- --program PATH` for another version of the program.
//!
//! The program runs as a process of its own, with a directory of sample people and a source here. A member opens a page, hears of a
//! board and signs in again and again, alone and beside the flood. The figures are for comparing two programs on one machine.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot go on should stop here")]

mod boards;
#[allow(dead_code, reason = "shared with other measurements, of which each needs a part")]
#[path = "../common/mod.rs"]
mod common;
mod flood;
mod inner_source;
mod member;
mod pages;
mod program;
mod sign_ins;

use std::path::Path;

use crate::common::arguments::Arguments;
use crate::flood::Flood;
use crate::inner_source::InnerSource;
use crate::member::{Account, Member};
use crate::program::Program;

/// How long a member is measured, unless told otherwise.
const SECONDS: u64 = 10;

/// Adds the strangers of a flood to it.
type Join = fn(&mut Flood, &Program);

/// The floods, each with its name and whose sign-in is measured in it.
const FLOODS: [(&str, Account, Join); 6] = [
    ("hashes", Account::Local, sign_ins::hashes),
    ("audit", Account::Directory, sign_ins::audit),
    ("sign_in", Account::Directory, sign_ins::sign_in),
    ("channels", Account::Directory, boards::channels),
    ("sources", Account::Directory, boards::sources),
    ("filters", Account::Directory, boards::filters),
];

#[tokio::main]
async fn main() {
    let arguments = Arguments::of_this_process();
    let path = arguments.value("--program").unwrap_or(env!("CARGO_BIN_EXE_belvedere"));
    let length = arguments.length(SECONDS);
    println!("| flood | a member's page | 99 % | refused | board | 99 % | sign-in | 99 % | refused | what it had |");
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|---|");
    for (name, account, join) in FLOODS {
        if !arguments.wants(name) {
            continue;
        }
        // A program of its own for each: nothing is left of the one before.
        let source = InnerSource::start().await;
        let program = Program::start(Path::new(path), &source).await;
        let mut member = Member::sign_in(program.address, account).await;
        println!("| {name}: none | {} | |", member.measure(length).await);
        let mut flood = Flood::start(&source);
        join(&mut flood, &program);
        flood.has_begun().await;
        let figures = member.measure(length).await;
        println!("| {name} | {figures} | {} |", flood.end(&program, &source));
    }
}
