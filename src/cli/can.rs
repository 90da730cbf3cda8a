use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use crate::config::{self, Settings};
use crate::directory::{Directories, PersonLookup, PersonReport};
use crate::domain::{AccessReason, Clock, SystemClock};
use crate::pages::{PageRight, PageStore};
use crate::sources::Sources;

use super::doctor::{Stop, named};
use super::serve::fail;

/// What a script hears when nobody could say.
const UNKNOWN: u8 = 2;

/// Who, and what.
#[derive(Args)]
pub(super) struct Options {
    /// The person, as they would sign in: alice, CORP\alice, alice@corp.example.com.
    name: String,
    /// The page, by its name in the address: operations.
    page: String,
}

/// What came of the question.
enum Answer {
    Yes(String),
    No(String),
    Unknown(String),
}

pub(super) async fn run(options: Options) -> ExitCode {
    match ask(&options).await {
        Ok(Answer::Yes(why)) => {
            println!("Yes: {why}.");
            ExitCode::SUCCESS
        }
        Ok(Answer::No(why)) => {
            println!("No: {why}.");
            ExitCode::FAILURE
        }
        Ok(Answer::Unknown(why)) => {
            eprintln!("It could not be found out: {why}.");
            ExitCode::from(UNKNOWN)
        }
        Err(Stop::Start(error)) => {
            fail(&error);
            ExitCode::from(UNKNOWN)
        }
        Err(Stop::Said(why)) => {
            eprintln!("belvedere: {why}");
            ExitCode::from(UNKNOWN)
        }
    }
}

async fn ask(options: &Options) -> Result<Answer, Stop> {
    let Options { name, page } = options;
    let settings = Settings::from_figment(&config::figment())?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let sources = Sources::open(&settings.sources, Arc::clone(&clock))?;
    let shelf = PageStore::load(&settings.pages, Arc::new(sources))?;
    let Some(public) = shelf.is_public(page) else {
        let why = format!(
            "there is no page {page} in {}, or `belvedere check` finds a fault in it",
            settings.pages.display()
        );
        return Ok(Answer::Unknown(why));
    };
    if public {
        return Ok(Answer::Yes(format!("{page} is public, so everybody may open it")));
    }
    let username = named(name)?;
    let directories = Directories::new(&settings, &clock)?;
    let seen = match directories.lookup_person(&username).await {
        Ok(PersonLookup::Found(seen)) => seen,
        Ok(nobody) => {
            let why = nobody.why_not_found(&username).unwrap_or_default();
            return Ok(Answer::No(format!("{why}; `belvedere doctor --user {name}` says more")));
        }
        Err(unreachable) => {
            let why = format!("{}; `belvedere doctor --user {name}` says more", unreachable.reason);
            return Ok(Answer::Unknown(why));
        }
    };
    let right = shelf.right_of(&seen.person, page);
    Ok(right.map_or_else(|| Answer::Unknown(format!("{page} is gone")), |right| judge(&seen, &right)))
}

/// What bars somebody from every page comes first, unless they can lift it themselves.
fn judge(seen: &PersonReport, page: &PageRight) -> Answer {
    let name = &seen.person.display_name;
    match (&seen.blocker, by_right(seen, page)) {
        (Some(bar), Answer::Yes(why)) if bar.ends_with_password_change => {
            Answer::Yes(format!("once {name} has changed the password, as {}: {why}", bar.reason))
        }
        (Some(bar), _) if !bar.ends_with_password_change => {
            Answer::No(format!("{name} cannot sign in, as {}", bar.reason))
        }
        (_, answer) => answer,
    }
}

fn by_right(seen: &PersonReport, page: &PageRight) -> Answer {
    let name = &seen.person.display_name;
    match &page.right {
        None => Answer::No(format!(
            "{} is for others; neither {name} nor any of their {} groups is named",
            page.slug,
            seen.person.groups.len()
        )),
        Some(AccessReason::Public) => Answer::Yes(format!("{} is public, so everybody may open it", page.slug)),
        Some(AccessReason::SignedIn) => {
            Answer::Yes(format!("every member may open {}, and {name} is in the directory", page.slug))
        }
        Some(AccessReason::User(user)) => Answer::Yes(format!("{} names {user}, who is {name}", page.slug)),
        Some(AccessReason::Group { named, group }) => {
            let way = seen.memberships.iter().find(|membership| membership.group.id == group.id);
            let way = way.map_or_else(String::new, |membership| format!(", {}", membership.path.in_words()));
            Answer::Yes(format!("{} is for {named}, and {name} is a member{way}", page.slug))
        }
    }
}
