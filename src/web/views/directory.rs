use serde::Serialize;

use super::words::in_words;
use crate::directory::{
    Directory as _, Examination, GroupReport, LdapDirectory, LockoutPolicy, Section, Step, Verdict,
};
use crate::domain::{Timestamp, Username};
use crate::web::examiner::{Examined, Examiner};

/// The directories, as an admin wants to see them: how their servers do, who searches, which groups are missing, and
/// what came of the last examination.
#[derive(Debug, Serialize)]
pub(in crate::web) struct DirectoryView {
    directories: Vec<DirectoryRow>,
    groups: GroupsView,
    examined: Option<ExaminedView>,
    is_examining: bool,
    shows_people: bool,
}

#[derive(Debug, Serialize)]
struct DirectoryRow {
    name: Option<String>,
    servers: Vec<ServerRow>,
    identity: Option<String>,
    lockout: Option<String>,
}

#[derive(Debug, Serialize)]
struct ServerRow {
    address: String,
    state: &'static str,
    word: &'static str,
    since_ms: Option<Timestamp>,
    reason: Option<String>,
}

#[derive(Debug, Default, Serialize)]
struct GroupsView {
    looked_at_ms: Option<Timestamp>,
    missing: Vec<MissingRow>,
    trouble: Option<String>,
}

#[derive(Debug, Serialize)]
struct MissingRow {
    name: String,
    named_by: String,
    near: Vec<String>,
    note: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct ExaminedView {
    at_ms: Timestamp,
    parts: Vec<PartView>,
}

#[derive(Debug, Serialize)]
struct PartView {
    title: String,
    steps: Vec<StepView>,
}

#[derive(Debug, Serialize)]
struct StepView {
    name: String,
    state: &'static str,
    word: &'static str,
    reason: Option<String>,
    remedy: Option<String>,
    details: Vec<String>,
}

impl DirectoryView {
    pub(in crate::web) fn of(examiner: &Examiner, viewer: &str) -> Self {
        let viewer = Username::parse(viewer).ok();
        let directories = examiner.directories();
        Self {
            directories: directories.all().map(|directory| directory_row(directory, viewer.as_ref())).collect(),
            groups: examiner.groups().report().map(groups_view).unwrap_or_default(),
            examined: examiner.last().map(|examined| examined_view(&examined)),
            is_examining: examiner.is_at_work(),
            shows_people: examiner.shows_people(),
        }
    }
}

fn directory_row(directory: &LdapDirectory, viewer: Option<&Username>) -> DirectoryRow {
    let servers = directory.servers_now().into_iter().map(|server| {
        let (since_ms, reason) = server.down.unzip();
        let (state, word) = if reason.is_some() { ("bad", "down") } else { ("good", "answers") };
        ServerRow { address: server.address, state, word, since_ms, reason }
    });
    let policy = viewer.and_then(|viewer| directory.lockout(viewer).policy);
    DirectoryRow {
        name: directory.name().map(ToString::to_string),
        servers: servers.collect(),
        identity: directory.service_account().map(str::to_owned),
        lockout: policy.map(lockout_in_words),
    }
}

fn lockout_in_words(policy: LockoutPolicy) -> String {
    match policy.threshold {
        0 => "wrong passwords lock no account".to_owned(),
        threshold => format!("{threshold} wrong passwords within {} lock an account", in_words(policy.window)),
    }
}

fn groups_view(report: GroupReport) -> GroupsView {
    let looked_at_ms = Some(report.at);
    match report.missing {
        Err(unreachable) => GroupsView { looked_at_ms, missing: Vec::new(), trouble: Some(unreachable.reason) },
        Ok(missing) => {
            let row = |(finding, by): (crate::directory::GroupFinding, Vec<String>)| MissingRow {
                name: finding.wanted.to_string(),
                named_by: by.join(", "),
                near: finding.near,
                note: finding.note,
            };
            GroupsView { looked_at_ms, missing: missing.into_iter().map(row).collect(), trouble: None }
        }
    }
}

fn examined_view(examined: &Examined) -> ExaminedView {
    let parts = examined
        .examinations
        .iter()
        .flat_map(|examination| examination.sections.iter().map(move |section| part(examination, section)));
    ExaminedView { at_ms: examined.at, parts: parts.collect() }
}

fn part(examination: &Examination, section: &Section) -> PartView {
    let title = match &examination.directory {
        Some(directory) => format!("{directory}: {}", section.title),
        None => section.title.clone(),
    };
    PartView { title, steps: section.steps.iter().map(step).collect() }
}

fn step(step: &Step) -> StepView {
    let (state, word, reason, remedy) = match &step.verdict {
        Verdict::Ok => ("good", "ok", None, None),
        Verdict::Warning { reason, remedy } => ("warn", "see to it", Some(reason), Some(remedy)),
        Verdict::Failed { reason, remedy } => ("bad", "failed", Some(reason), Some(remedy)),
        Verdict::Skipped { why } => ("unknown", "not tried", Some(why), None),
    };
    StepView {
        name: step.name.to_string(),
        state,
        word,
        reason: reason.cloned(),
        remedy: remedy.cloned(),
        details: step.details.clone(),
    }
}
