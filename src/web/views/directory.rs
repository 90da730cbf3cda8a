use serde::Serialize;

use super::humanize::humanize;
use crate::directory::{
    DiagnosticStep, Directory as _, DirectoryReport, GroupReport, LdapDirectory, LockoutPolicy, ReportSection, StepVerdict,
};
use crate::domain::{Timestamp, Username};
use crate::web::diagnostics_runner::{DiagnosticsRun, DiagnosticsRunner};

/// The view of the directories for admins: the state of their servers, who searches, which names of groups let nobody in, and the
/// results of the last diagnostics.
#[derive(Debug, Serialize)]
pub(in crate::web) struct DirectoryView {
    directories: Vec<DirectoryRow>,
    groups: GroupsView,
    last_run: Option<DiagnosticsRunView>,
    is_running: bool,
    can_look_up_people: bool,
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
    state_label: &'static str,
    since_ms: Option<Timestamp>,
    reason: Option<String>,
}

#[derive(Debug, Default, Serialize)]
struct GroupsView {
    checked_at_ms: Option<Timestamp>,
    ineffective: Vec<IneffectiveGroupRow>,
    trouble: Option<String>,
}

#[derive(Debug, Serialize)]
struct IneffectiveGroupRow {
    name: String,
    named_by: String,
    suggestions: Vec<String>,
    note: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct DiagnosticsRunView {
    at_ms: Timestamp,
    sections: Vec<DiagnosticsSectionView>,
}

#[derive(Debug, Serialize)]
struct DiagnosticsSectionView {
    title: String,
    steps: Vec<DiagnosticsStepView>,
}

#[derive(Debug, Serialize)]
struct DiagnosticsStepView {
    name: String,
    state: &'static str,
    state_label: &'static str,
    reason: Option<String>,
    remedy: Option<String>,
    details: Vec<String>,
}

impl DirectoryView {
    pub(in crate::web) fn of(runner: &DiagnosticsRunner, viewer: &str) -> Self {
        let viewer = Username::parse(viewer).ok();
        let directories = runner.directories();
        Self {
            directories: directories.all().map(|directory| directory_row(directory, viewer.as_ref())).collect(),
            groups: runner.groups().report().map(groups_view).unwrap_or_default(),
            last_run: runner.last().map(|run| run_view(&run)),
            is_running: runner.is_running(),
            can_look_up_people: runner.can_look_up_people(),
        }
    }
}

fn directory_row(directory: &LdapDirectory, viewer: Option<&Username>) -> DirectoryRow {
    let servers = directory.server_statuses().into_iter().map(|server| {
        let (since_ms, reason) = server.outage.unzip();
        let (state, word) = if reason.is_some() { ("bad", "down") } else { ("good", "answers") };
        ServerRow { address: server.address, state, state_label: word, since_ms, reason }
    });
    let policy = viewer.and_then(|viewer| directory.lockout_info(viewer).policy);
    DirectoryRow {
        name: directory.name().map(ToString::to_string),
        servers: servers.collect(),
        identity: directory.service_account().map(str::to_owned),
        lockout: policy.map(describe_lockout),
    }
}

fn describe_lockout(policy: LockoutPolicy) -> String {
    match policy.threshold {
        0 => "wrong passwords lock no account".to_owned(),
        threshold => format!("{threshold} wrong passwords within {} lock an account", humanize(policy.window)),
    }
}

fn groups_view(report: GroupReport) -> GroupsView {
    let looked_at_ms = Some(report.checked_at);
    match report.ineffective {
        Err(unreachable) => {
            GroupsView { checked_at_ms: looked_at_ms, ineffective: Vec::new(), trouble: Some(unreachable.reason) }
        }
        Ok(ineffective) => {
            let row = |(finding, by): (crate::directory::GroupLookup, Vec<String>)| IneffectiveGroupRow {
                name: finding.wanted.to_string(),
                named_by: by.join(", "),
                suggestions: finding.suggestions,
                note: finding.note,
            };
            GroupsView { checked_at_ms: looked_at_ms, ineffective: ineffective.into_iter().map(row).collect(), trouble: None }
        }
    }
}

fn run_view(run: &DiagnosticsRun) -> DiagnosticsRunView {
    let parts = run.reports.iter().flat_map(|report| report.sections.iter().map(move |section| section_view(report, section)));
    DiagnosticsRunView { at_ms: run.at, sections: parts.collect() }
}

fn section_view(report: &DirectoryReport, section: &ReportSection) -> DiagnosticsSectionView {
    let title = match &report.directory {
        Some(directory) => format!("{directory}: {}", section.title),
        None => section.title.clone(),
    };
    DiagnosticsSectionView { title, steps: section.steps.iter().map(step_view).collect() }
}

fn step_view(step: &DiagnosticStep) -> DiagnosticsStepView {
    let (state, word, reason, remedy) = match &step.verdict {
        StepVerdict::Ok => ("good", "ok", None, None),
        StepVerdict::Warning { reason, remedy } => ("warn", "see to it", Some(reason), Some(remedy)),
        StepVerdict::Failed { reason, remedy } => ("bad", "failed", Some(reason), Some(remedy)),
        StepVerdict::Skipped { why } => ("unknown", "not tried", Some(why), None),
    };
    DiagnosticsStepView {
        name: step.name.to_string(),
        state,
        state_label: word,
        reason: reason.cloned(),
        remedy: remedy.cloned(),
        details: step.details.clone(),
    }
}
