use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::doctor::{CommandError, parse_username};
use super::serve::report_error;
use crate::audit::{Audit, AuditEvent};
use crate::config::{self, Settings, parse_duration};
use crate::directory::{Directories, Directory as _, PersonLookup};
use crate::domain::{Client, Clock, EndReason, Person, SystemClock, Timestamp, TokenId, TokenScope, UserRef};
use crate::server::{StoreOpener, refuse_moving_store};
use crate::telemetry::{self, Metrics};
use crate::tokens::{NewToken, Token, TokenName, Tokens};

/// The tokens read from the store at a time.
const PAGE_SIZE: usize = 500;

/// The arguments of `token`.
#[derive(Args)]
pub(super) struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Subcommand)]
enum TokenCommand {
    /// Make a token for somebody. It is printed on standard output, this once.
    Add(NewTokenArgs),
    /// List the tokens that are good, those used last first.
    List {
        /// Only this person's, by the name in the list.
        #[arg(long)]
        person: Option<UserRef>,
    },
    /// End a token before its time. A running server refuses it at once, and closes its live connections within a second.
    Revoke {
        /// Its number in the list.
        id: i64,
    },
}

#[derive(Args)]
struct NewTokenArgs {
    /// Whose it is to be, as they would sign in: alice, CORP\alice, alice@corp.example.com.
    #[arg(long)]
    person: String,
    /// What it is for, in a few words: "backup script".
    #[arg(long)]
    name: TokenName,
    /// What it is good for: read, or read:PAGE, push, push:NAME, with spaces between them.
    #[arg(long, default_value = "read")]
    scope: TokenScope,
    /// How long it lasts: 12h, 30d. The setting `tokens.lifetime` when left out, `tokens.longest` at most.
    #[arg(long, value_parser = parse_lifetime)]
    expires: Option<Duration>,
}

fn parse_lifetime(text: &str) -> Result<Duration, String> {
    let lifetime = parse_duration(text).filter(|lifetime| !lifetime.is_zero());
    lifetime.ok_or_else(|| "write a whole number and one of the units s, m, h, d: 12h, 30d".to_owned())
}

pub(super) async fn run(args: TokenArgs) -> ExitCode {
    match execute(args.command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(CommandError::Start(error)) => report_error(&error),
        Err(CommandError::Message(why)) => {
            eprintln!("belvedere: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn execute(command: TokenCommand) -> Result<(), CommandError> {
    let settings = Settings::from_figment(&config::figment())?;
    // Actions here are in the log and in the audit log's store, like the server's.
    telemetry::init_logging(&settings.log)?;
    config::open_state_folder_of_server(&settings.state)?;
    refuse_moving_store(&settings).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let opener = StoreOpener::new(&settings, &clock);
    let tokens = opener.tokens().await?;
    let trail = opener.audit().await?;
    let (audit, writer) = Audit::with_trail(trail.clone(), Metrics::new().audit(), Arc::clone(&clock));
    let result = match command {
        TokenCommand::Add(wanted) => add(wanted, &settings, &clock, &tokens, &audit).await,
        TokenCommand::List { person } => list(person.as_ref(), &tokens).await,
        TokenCommand::Revoke { id } => revoke(TokenId::new(id), &tokens, &audit).await,
    };
    drop(audit);
    writer.finish().await;
    trail.close().await;
    tokens.close().await;
    result
}

async fn add(
    wanted: NewTokenArgs,
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    tokens: &Tokens,
    audit: &Audit,
) -> Result<(), CommandError> {
    let NewTokenArgs { person, name, scope, expires } = wanted;
    let lifetime = expires.unwrap_or(settings.tokens.lifetime);
    if lifetime > settings.tokens.longest {
        let why = "no token lasts longer than `tokens.longest`: write a shorter --expires, or a longer setting";
        return Err(CommandError::Message(why.to_owned()));
    }
    let epochs = StoreOpener::new(settings, clock).epochs().await?;
    let epoch = epochs.current().await?;
    epochs.close().await;
    let directories = Directories::new(settings, clock)?;
    let person = find_person(&directories, &person).await?;
    let revalidation = directories.revalidation(&person);
    let wanted = NewToken { name, scope, lifetime, second_factor: false, revalidation, epoch };
    let created = tokens.create(&person, &wanted).await;
    let (secret, token) = created.map_err(|error| CommandError::Message(error.to_string()))?;
    audit.record(&Client::default(), &AuditEvent::TokenMade { person: &token.person, token: token.id });
    eprintln!("{}", format_row(&token));
    println!("{}", *secret.reveal());
    Ok(())
}

/// The one person of that name, if they may sign in.
async fn find_person(directories: &Directories, name: &str) -> Result<Person, CommandError> {
    let username = parse_username(name)?;
    let report = match directories.lookup_person(&username).await {
        Ok(PersonLookup::Found(report)) => report,
        Ok(nobody) => return Err(CommandError::Message(nobody.why_not_found(&username).unwrap_or_default())),
        Err(unreachable) => {
            let why = format!("{}; people can make tokens themselves, on their account page", unreachable.reason);
            return Err(CommandError::Message(why));
        }
    };
    match &report.blocker {
        Some(blocker) => {
            Err(CommandError::Message(format!("{} cannot sign in, as {}", report.person.display_name, blocker.reason)))
        }
        None => Ok(report.person),
    }
}

async fn list(person: Option<&UserRef>, tokens: &Tokens) -> Result<(), CommandError> {
    let is_theirs = |token: &Token| person.is_none_or(|person| person.matches(&token.person));
    println!("{}", ["number", "person", "name", "good for", "expires", "last used"].join("\t"));
    for page in 0.. {
        let some = tokens.list(page * PAGE_SIZE, PAGE_SIZE).await?;
        some.iter().filter(|token| is_theirs(token)).for_each(|token| println!("{}", format_row(token)));
        // One that has just expired is left out, so a page may be short before the last.
        if some.is_empty() {
            break;
        }
    }
    Ok(())
}

async fn revoke(id: TokenId, tokens: &Tokens, audit: &Audit) -> Result<(), CommandError> {
    let Some(token) = tokens.revoke(id, None).await? else {
        return Err(CommandError::Message(format!("there is no good token {id}; `belvedere token list` has their numbers")));
    };
    let event = AuditEvent::TokenEnded { person: &token.person, token: id, reason: EndReason::Revoked };
    audit.record(&Client::default(), &event);
    eprintln!("{}", format_row(&token));
    Ok(())
}

/// A token as one line of tab-separated fields. A name cannot contain a tab.
fn format_row(token: &Token) -> String {
    let used = token.last_used_at.map_or_else(|| "never".to_owned(), format_time);
    let person = token.person.qualified_name();
    let person: String = person.chars().filter(|c| !c.is_control()).collect();
    let parts =
        [token.id.to_string(), person, token.name.to_string(), token.scope.to_string(), format_time(token.expires_at), used];
    parts.join("\t")
}

fn format_time(time: Timestamp) -> String {
    let time = jiff::Timestamp::from_millisecond(time.as_millis());
    time.map_or_else(|_| "?".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_a_number_and_a_unit() {
        assert_eq!(parse_lifetime("30d"), Ok(Duration::from_hours(720)));
        for wrong in ["", "0d", "30", "a month"] {
            assert!(parse_lifetime(wrong).unwrap_err().contains("30d"), "{wrong:?}");
        }
    }
}
