//! The command line. Each command works through [`crate::server`] or the rooms below, and ends with an exit code that
//! scripts can trust.

mod account;
mod account_list;
mod can;
mod certificate_dates;
mod check;
mod core_dumps;
mod demo;
mod doctor;
mod init;
mod move_store;
mod online;
mod panel_answers;
mod release;
mod runtime;
mod serve;
mod terminal_style;
mod token;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::sources;

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
    Check(check::CheckArgs),
    /// Begin: look at a directory, show what was found, and write Rocket.toml and a first page.
    ///
    /// Nothing that is there is overwritten, and nothing is written as long as the directory cannot be used.
    Init(init::InitArgs),
    /// Take the way to the directory step by step, and say at each what was found, or what is wrong and what to do.
    ///
    /// Name look-up, TCP, TLS and the certificate, RootDSE, clock, service account, base DN, lockout policy, the groups
    /// that pages and settings name, and one person with their groups and pages. Ends with exit code 1 when a step fails.
    Doctor(doctor::DoctorArgs),
    /// Make, invite, disable, list: accounts of the program's own, for people whom no directory knows.
    ///
    /// There is none until one is made. Works beside a running server, which notices within a second.
    Account(account::AccountArgs),
    /// Say whether somebody may open a page, and why.
    ///
    /// Ends with exit code 0 for yes, 1 for no, 2 when it could not be found out.
    Can(can::CanArgs),
    /// Forget the wrong tries of somebody who has to wait before signing in again.
    ///
    /// Works beside a running server, which lets them try again at once. The directory's own count is not touched: an account
    /// that is locked there is unlocked there.
    Release(release::ReleaseArgs),
    /// Make, list and revoke API tokens, for the admin of this machine.
    ///
    /// Works beside a running server. Run it where the server runs, and as the same user: it writes into its state folder.
    Token(token::TokenArgs),
    /// Copy all that must last from the state folder into the PostgreSQL database of the settings, or back.
    ///
    /// Stop every server first. What was copied is compared, and the source stays as it is. A copy that was interrupted goes on
    /// when the same command is started again.
    MoveStore(move_store::MoveStoreArgs),
    /// Run filters for a server, which alone starts this.
    #[command(name = sources::WORKER_COMMAND, hide = true)]
    FilterWorker,
}

/// Parses the command line and runs its command.
pub fn main() -> ExitCode {
    let command = Arguments::parse().command.unwrap_or(Command::Serve);
    // A worker does so itself, once it has said that it may be killed first.
    if !matches!(command, Command::FilterWorker)
        && let Err(error) = core_dumps::disable()
    {
        eprintln!("belvedere: core dumps cannot be turned off: {error}");
    }
    let run = || match command {
        Command::Serve => runtime::run(serve::run()),
        Command::Demo => runtime::run(demo::run()),
        Command::Check(options) => runtime::run(check::run(options)),
        Command::Init(options) => runtime::run(init::run(options)),
        Command::Doctor(options) => runtime::run(doctor::run(options)),
        Command::Account(options) => runtime::run(account::run(options)),
        Command::Can(options) => runtime::run(can::run(options)),
        Command::Release(options) => runtime::run(release::run(options)),
        Command::Token(options) => runtime::run(token::run(options)),
        Command::MoveStore(options) => runtime::run(move_store::run(options)),
        Command::FilterWorker => sources::serve_filters(),
    };
    run()
}
