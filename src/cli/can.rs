use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use crate::config;
use crate::directory::{Directories, PersonLookup, PersonReport};
use crate::domain::{AccessReason, Clock, SystemClock};
use crate::pages::{PageRight, PageStore};
use crate::sources::{self, FilterWorkers, Sources};

use super::doctor::{CommandError, parse_username};
use super::serve::report_error;

/// The exit code when it could not be found out.
const EXIT_UNKNOWN: u8 = 2;

/// The arguments of `can`.
#[derive(Args)]
pub(super) struct CanArgs {
    /// The person, as they would sign in: alice, CORP\alice, alice@corp.example.com.
    name: String,
    /// The page, by its name in the address: operations.
    page: String,
}

/// Whether somebody may open a page, and why.
enum AccessAnswer {
    Yes(String),
    No(String),
    Unknown(String),
}

pub(super) async fn run(args: CanArgs) -> ExitCode {
    match check_access(&args).await {
        Ok(AccessAnswer::Yes(why)) => {
            println!("Yes: {why}.");
            ExitCode::SUCCESS
        }
        Ok(AccessAnswer::No(why)) => {
            println!("No: {why}.");
            ExitCode::FAILURE
        }
        Ok(AccessAnswer::Unknown(why)) => {
            eprintln!("It could not be found out: {why}.");
            ExitCode::from(EXIT_UNKNOWN)
        }
        Err(CommandError::Start(error)) => {
            report_error(&error);
            ExitCode::from(EXIT_UNKNOWN)
        }
        Err(CommandError::Message(why)) => {
            eprintln!("belvedere: {why}");
            ExitCode::from(EXIT_UNKNOWN)
        }
    }
}

async fn check_access(args: &CanArgs) -> Result<AccessAnswer, CommandError> {
    let CanArgs { name, page } = args;
    let (settings, named_sources) = sources::read_settings(&config::figment())?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let sources = Sources::open(&named_sources, &clock, &Arc::new(FilterWorkers::of_this_program()))?;
    let page_store = PageStore::load(&settings.pages, Arc::new(sources))?;
    let Some(public) = page_store.is_public(page) else {
        let why = format!("there is no page {page} in {}, or `belvedere check` finds a fault in it", settings.pages.display());
        return Ok(AccessAnswer::Unknown(why));
    };
    if public {
        return Ok(AccessAnswer::Yes(format!("{page} is public, so everybody may open it")));
    }
    let username = parse_username(name)?;
    let directories = Directories::new(&settings, &clock)?;
    let person_report = match directories.lookup_person(&username).await {
        Ok(PersonLookup::Found(person_report)) => person_report,
        Ok(nobody) => {
            let why = nobody.why_not_found(&username).unwrap_or_default();
            return Ok(AccessAnswer::No(format!("{why}; `belvedere doctor --user {name}` says more")));
        }
        Err(unreachable) => {
            let why = format!("{}; `belvedere doctor --user {name}` says more", unreachable.reason);
            return Ok(AccessAnswer::Unknown(why));
        }
    };
    let right = page_store.right_of(&person_report.person, page);
    Ok(right.map_or_else(|| AccessAnswer::Unknown(format!("{page} is gone")), |right| decide(&person_report, &right)))
}

/// Decides: what keeps somebody from signing in comes first, unless they can lift it themselves.
fn decide(person_report: &PersonReport, page: &PageRight) -> AccessAnswer {
    let name = &person_report.person.display_name;
    match (&person_report.blocker, explain_right(person_report, page)) {
        (Some(blocker), AccessAnswer::Yes(why)) if blocker.ends_with_password_change => {
            AccessAnswer::Yes(format!("once {name} has changed the password, as {}: {why}", blocker.reason))
        }
        (Some(blocker), _) if !blocker.ends_with_password_change => {
            AccessAnswer::No(format!("{name} cannot sign in, as {}", blocker.reason))
        }
        (_, answer) => answer,
    }
}

fn explain_right(person_report: &PersonReport, page: &PageRight) -> AccessAnswer {
    let name = &person_report.person.display_name;
    match &page.right {
        None => AccessAnswer::No(format!(
            "{} is for others; neither {name} nor any of their {} groups is named",
            page.slug,
            person_report.person.groups.len()
        )),
        Some(AccessReason::Public) => AccessAnswer::Yes(format!("{} is public, so everybody may open it", page.slug)),
        Some(AccessReason::SignedIn) => {
            AccessAnswer::Yes(format!("every member may open {}, and {name} is in the directory", page.slug))
        }
        Some(AccessReason::User(user)) => AccessAnswer::Yes(format!("{} names {user}, who is {name}", page.slug)),
        Some(AccessReason::Group { named, group }) => {
            let path = person_report.memberships.iter().find(|membership| membership.group.id == group.id);
            let path = path.map_or_else(String::new, |membership| format!(", {}", membership.path.in_words()));
            AccessAnswer::Yes(format!("{} is for {named}, and {name} is a member{path}", page.slug))
        }
    }
}
