use std::sync::Arc;

use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream;

use super::panel_answers::panel_faults;
use crate::bus::Bus;
use crate::config::{Diagnostic, Diagnostics, Settings, SourceLocation};
use crate::directory::{
    Directories, Directory as _, GroupLookup, LdapDirectory, PersonLookup, ServerStatus, SettingsTable, Unreachable,
};
use crate::domain::{Clock, GroupRef, SystemClock, UserRef, Username};
use crate::pages::{ADMIN_USERS_SETTING, ADMINS_SETTING, PageStore, SECOND_FACTOR_SETTING};
use crate::server::StartError;
use crate::sources::Sources;
use crate::store::PostgresDatabase;

/// The help text of a directory's fault.
const DOCTOR: &str = "`belvedere doctor` takes it step by step, and says what to do";

/// The most people looked up at the same time.
const MAX_LOOKUPS: usize = 4;

/// Checks over the network: whether the directories are reachable and let the service account search, whether the
/// groups and people that pages and settings name exist, and whether each panel can show what its query is answered. Returns
/// the faults, and a text of notes: what could not be checked, and what is not a fault yet.
pub(super) async fn check(
    settings: &Settings,
    page_store: &PageStore,
    sources: &Sources,
) -> Result<(Diagnostics, String), StartError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let directories = Directories::new(settings, &clock)?;
    let mut faults = check_reachable(&directories).await;
    let store_fault = store_fault(settings).await;
    let (wanted, locations) = named_groups(settings, page_store);
    let (askable, unsearchable): (Vec<_>, Vec<_>) =
        wanted.into_iter().zip(locations).partition(|(group, _)| directories.can_look_up_group(group));
    // Unreachable directories were reported above, once.
    let mut unsearchable = unsearchable.len();
    if faults.is_empty() {
        faults.extend(ineffective_groups(&directories, &askable).await);
        let (found, unknown) = unknown_people(&directories, named_users(settings, page_store)).await;
        faults.extend(found);
        unsearchable += unknown;
    }
    faults.extend(store_fault);
    faults.extend(check_bus(settings).await);
    faults.extend(panel_faults(page_store, sources, clock.now()).await);
    let mut notes = match unsearchable {
        0 => String::new(),
        count => format!(
            " Not looked up, as there is no service account (bind_name): {count} of the groups and people that pages and \
             settings name."
        ),
    };
    notes.extend(unresponsive_servers(&directories).await);
    notes.extend(exposed_store(settings));
    Ok((faults, notes))
}

/// The fault of the database that the settings name, if it cannot be used.
async fn store_fault(settings: &Settings) -> Option<Diagnostic> {
    let database = PostgresDatabase::from_settings(&settings.store)?;
    let (key, error) = match database.ping().await {
        Err(error) => ("store.url", error),
        Ok(()) => ("store.direct_url", database.ping_directly().await.err()?),
    };
    Some(Diagnostic::new(SourceLocation::key(key), error.to_string(), "without it the server does not start"))
}

/// A line for each URL of the store by which its rows cross a network unencrypted.
fn exposed_store(settings: &Settings) -> impl Iterator<Item = String> {
    let urls = settings.store.url.iter().chain(&settings.store.direct_url);
    urls.filter(|url| url.is_exposed()).map(|url| format!("\nUnencrypted over a network (`sslmode=disable`): {url}."))
}

async fn check_reachable(directories: &Directories) -> Diagnostics {
    let faults = join_all(directories.all().map(|directory| async move {
        let table = SettingsTable::of(directory.name());
        if let Err(unreachable) = directory.check_reachable().await {
            return Some(Diagnostic::new(SourceLocation::key(format!("{table}.url")), unreachable.to_string(), DOCTOR));
        }
        let Unreachable { reason, .. } = directory.check_service_account().await.err()?;
        let message = format!("the service account cannot search: {reason}");
        Some(Diagnostic::new(SourceLocation::key(format!("{table}.bind_name")), message, DOCTOR))
    }));
    faults.await.into_iter().flatten().collect()
}

/// The fault of a bus that cannot be used.
async fn check_bus(settings: &Settings) -> Option<Diagnostic> {
    let error = Bus::probe(settings.live.bus.as_ref()?, settings.live.bus_ca_file.as_deref()).await.err()?;
    let help = "until it can be, each node executes all queries itself; see the chapter on several nodes";
    Some(Diagnostic::new(SourceLocation::key("live.bus"), error.to_string(), help))
}

/// A line for each server that does not answer where another one does: not a fault, since sign-ins work.
async fn unresponsive_servers(directories: &Directories) -> Vec<String> {
    let servers = join_all(directories.all().map(LdapDirectory::unreachable_servers)).await;
    let line = |server: ServerStatus| {
        let (_, reason) = server.outage?;
        Some(format!("\nNot answering: {}: {reason}.", server.address))
    };
    servers.into_iter().flatten().filter_map(line).collect()
}

/// Every named group and its location in the files, without those of local accounts, which are in no directory.
fn named_groups(settings: &Settings, page_store: &PageStore) -> (Vec<GroupRef>, Vec<SourceLocation>) {
    let of_admins = settings.admins.groups.iter().map(|group| (group.clone(), SourceLocation::key(ADMINS_SETTING)));
    let of_factors = settings.second_factor.groups.iter();
    let of_factors = of_factors.map(|group| (group.clone(), SourceLocation::key(SECOND_FACTOR_SETTING)));
    let of_pages = page_store.named_groups().into_iter().map(|named| (named.group, named.location));
    of_admins.chain(of_factors).chain(of_pages).filter(|(group, _)| !group.realm().is_local()).unzip()
}

async fn ineffective_groups(directories: &Directories, named: &[(GroupRef, SourceLocation)]) -> Diagnostics {
    let groups: Vec<GroupRef> = named.iter().map(|(group, _)| group.clone()).collect();
    match directories.find_groups(&groups).await {
        Err(unreachable) => {
            // Which of several it was is seen by the server in the reason.
            let place = if directories.all().count() == 1 { "directory" } else { "directories" };
            Diagnostic::new(SourceLocation::key(place), unreachable.to_string(), DOCTOR).into()
        }
        Ok(lookups) => {
            lookups.iter().zip(named).filter_map(|(lookup, (_, location))| ineffective_group_fault(lookup, location)).collect()
        }
    }
}

fn ineffective_group_fault(lookup: &GroupLookup, location: &SourceLocation) -> Option<Diagnostic> {
    if !lookup.lets_nobody_in() {
        return None;
    }
    let message = match lookup.note {
        Some(note) => format!("nobody is let in as a member of \"{}\": {note}", lookup.wanted),
        None => format!("there is no group \"{}\" in the directory, so nobody is let in by it", lookup.wanted),
    };
    let help = match lookup.suggestions.as_slice() {
        [] => "name a group of the directory by its account name (sAMAccountName, cn), its DN or its SID".to_owned(),
        suggestions => {
            format!("did you mean {}?", suggestions.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(" or "))
        }
    };
    Some(Diagnostic::new(location.clone(), message, help))
}

/// Every person who is named and their location in the files, without those of local accounts, who are in no directory.
fn named_users(settings: &Settings, page_store: &PageStore) -> Vec<(UserRef, SourceLocation)> {
    let of_admins = settings.admins.users.iter().map(|user| (user.clone(), SourceLocation::key(ADMIN_USERS_SETTING)));
    let of_pages = page_store.named_users().into_iter().map(|named| (named.user, named.location));
    let mut named: Vec<_> = of_admins.chain(of_pages).collect();
    named.retain(|(user, _)| !user.realm().is_some_and(crate::domain::Realm::is_local));
    named
}

/// The faults of people who are named and whom the name does not let in, and the number of those whom nobody could look up.
async fn unknown_people(directories: &Directories, named: Vec<(UserRef, SourceLocation)>) -> (Diagnostics, usize) {
    let lookups = stream::iter(named).map(|(user, location)| async move {
        let lookup = directories.lookup_user(&user).await;
        (user, location, lookup)
    });
    let lookups: Vec<_> = lookups.buffered(MAX_LOOKUPS).collect().await;
    let unknown = lookups.iter().filter(|(.., lookup)| lookup.is_none()).count();
    let faults = lookups.into_iter().filter_map(|(user, location, lookup)| unknown_person_fault(&user, location, lookup?));
    (faults.collect(), unknown)
}

fn unknown_person_fault(
    user: &UserRef,
    location: SourceLocation,
    lookup: Result<PersonLookup, Unreachable>,
) -> Option<Diagnostic> {
    let (message, help) = match lookup {
        Err(unreachable) => (format!("\"{user}\" could not be looked up: {}", unreachable.reason), DOCTOR.to_owned()),
        Ok(PersonLookup::Found(report)) if user.matches(&report.person) => return None,
        Ok(PersonLookup::Found(report)) => (
            format!("nobody is let in as \"{user}\": {} is known by another name", report.person.display_name),
            format!("name them by their account: \"{}\"", report.person.qualified_name()),
        ),
        Ok(nobody) => {
            let why = Username::parse(user.name()).ok().and_then(|username| nobody.why_not_found(&username));
            let help = "name people by their account (`alice`, 'brand\\alice') or principal name (`alice@corp.example.com`)";
            (format!("nobody is let in as \"{user}\": {}", why.unwrap_or_default()), help.to_owned())
        }
    };
    Some(Diagnostic::new(location, message, help))
}
