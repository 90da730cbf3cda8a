use std::sync::Arc;

use futures::future::join_all;

use crate::config::{Fault, Faults, Place, Settings};
use crate::directory::{Directories, Directory as _, GroupFinding};
use crate::domain::{Clock, GroupRef, SourceName, SystemClock};
use crate::pages::{ADMINS, Shelf};
use crate::server::StartError;
use crate::sources::Sources;

/// What only shows when somebody is dialled: whether the directories can be reached, whether the groups that pages and
/// settings name are there, and whether each source answers one query of some page. Beside the faults, what could not
/// be looked at.
pub(super) async fn check(
    settings: &Settings,
    shelf: &Shelf,
    sources: &Sources,
) -> Result<(Faults, String), StartError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let directories = Directories::new(settings, &clock)?;
    let mut faults = reach(&directories).await;
    let (wanted, places) = named(settings, shelf);
    let (askable, blind): (Vec<_>, Vec<_>) =
        wanted.into_iter().zip(places).partition(|(group, _)| directories.can_look_up(group));
    // Who cannot be reached was told above, once.
    if faults.is_empty() {
        faults.extend(missing_groups(&directories, &askable).await);
    }
    faults.extend(silent_sources(shelf, sources).await);
    let unsaid = match blind.len() {
        0 => String::new(),
        count => format!(
            " Not looked up, as there is no service account (bind_name): {count} of the groups that pages and settings \
             name."
        ),
    };
    Ok((faults, unsaid))
}

async fn reach(directories: &Directories) -> Faults {
    let reached = join_all(directories.all().map(|directory| async move {
        let key = directory.name().map_or("directory.url".to_owned(), |name| format!("directories.{name}.url"));
        (key, directory.reach().await)
    }))
    .await;
    let fault = |(key, answer): (String, Result<(), crate::directory::Unreachable>)| {
        let unreachable = answer.err()?;
        let help = "`belvedere doctor` takes it step by step, and says what to do";
        Some(Fault::new(Place::key(key), unreachable.to_string(), help))
    };
    reached.into_iter().filter_map(fault).collect()
}

/// Every group that is named, and where.
fn named(settings: &Settings, shelf: &Shelf) -> (Vec<GroupRef>, Vec<Place>) {
    let of_admins = settings.admins.groups.iter().map(|group| (group.clone(), Place::key(ADMINS)));
    let of_pages = shelf.named_groups().into_iter().map(|named| (named.group, named.place));
    of_admins.chain(of_pages).unzip()
}

async fn missing_groups(directories: &Directories, named: &[(GroupRef, Place)]) -> Faults {
    let groups: Vec<GroupRef> = named.iter().map(|(group, _)| group.clone()).collect();
    match directories.find_groups(&groups).await {
        Err(unreachable) => {
            let help = "`belvedere doctor` takes it step by step, and says what to do";
            Fault::new(Place::key("directory"), unreachable.to_string(), help).into()
        }
        Ok(findings) => findings.iter().zip(named).filter_map(|(finding, (_, place))| fault(finding, place)).collect(),
    }
}

fn fault(finding: &GroupFinding, place: &Place) -> Option<Fault> {
    if !finding.is_missing() {
        return None;
    }
    let message = match finding.note {
        Some(note) => format!("nobody is let in as a member of \"{}\": {note}", finding.wanted),
        None => format!("there is no group \"{}\" in the directory, so nobody is let in by it", finding.wanted),
    };
    let help = match finding.near.as_slice() {
        [] => "name a group of the directory by its account name (sAMAccountName, cn), its DN or its SID".to_owned(),
        near => {
            format!("did you mean {}?", near.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(" or "))
        }
    };
    Some(Fault::new(place.clone(), message, help))
}

/// Asks each source once, as the first panel that uses it would at its page's defaults.
async fn silent_sources(shelf: &Shelf, sources: &Sources) -> Faults {
    let mut asked: Vec<SourceName> = Vec::new();
    let mut questions = Vec::new();
    for probe in shelf.probes() {
        if !asked.contains(&probe.query.source) {
            asked.push(probe.query.source.clone());
            questions.push(probe);
        }
    }
    let answers = join_all(questions.iter().map(|probe| sources.ask(&probe.query))).await;
    let fault = |(probe, answer): (crate::pages::Probe, Result<_, crate::sources::SourceError>)| {
        let error = answer.err()?;
        let help = format!("see to [default.sources.{}] in Rocket.toml, or to what it asks", probe.query.source);
        Some(Fault::new(probe.place, format!("the source \"{}\" does not answer: {error}", probe.query.source), help))
    };
    questions.into_iter().zip(answers).filter_map(fault).collect()
}
