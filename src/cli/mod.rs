//! The commands. Each says what it does, does it through [`crate::server`] or the rooms below, and ends with an exit
//! code that scripts can trust.

mod check;
mod demo;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Live company dashboards that let in exactly the people Active Directory says may see them.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the pages (this is the default).
    ///
    /// Settings come from Rocket.toml and from the environment; the one that has no default is the directory's
    /// address, BELVEDERE_DIRECTORY__URL.
    Serve,
    /// Try it out: sample people in an embedded directory, sample pages over this machine's real data.
    ///
    /// Needs no settings, listens on loopback only, and leaves nothing behind.
    Demo,
    /// Check the settings and the pages, and say every fault with its file, line and column.
    ///
    /// Ends with exit code 1 when there is one.
    Check,
}

/// Runs the command that was asked for.
pub fn main() -> ExitCode {
    let command = Arguments::parse().command.unwrap_or(Command::Serve);
    let run = || match command {
        Command::Serve => rocket::execute(serve::run()),
        Command::Demo => rocket::execute(demo::run()),
        Command::Check => check::run(),
    };
    run()
}
