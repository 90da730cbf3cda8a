use std::borrow::Cow;

use serde::Serialize;

use super::person_report::PersonReport;
use super::settings_table::SettingsTable;
use crate::domain::DirectoryName;

/// The most characters of a line: text from a server or a certificate may be of any length.
const MAX_LINE_CHARS: usize = 600;

/// The diagnostics report of one directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DirectoryReport {
    /// The directory; `None` for the default one.
    pub directory: Option<DirectoryName>,
    /// The table of its settings: the keys that remedies name belong there.
    pub settings: SettingsTable,
    /// One part for each server, one for the directory itself, one for the person that was asked about.
    pub sections: Vec<ReportSection>,
    /// The directory's kind, base DN and domain, once known.
    pub known: Option<DirectoryFacts>,
    /// The authority behind a certificate that is not trusted here, when the server sends it.
    pub authority: Option<UntrustedCa>,
    /// The person that was asked about, when they were found.
    #[serde(skip)]
    pub seen: Option<PersonReport>,
}

/// A section of a report: steps that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReportSection {
    /// A server's address, or what the steps are about.
    pub title: String,
    /// In the order taken.
    pub steps: Vec<DiagnosticStep>,
}

/// One step of a diagnosis: a name, a verdict, and details.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DiagnosticStep {
    /// The name of the step, a word or two.
    pub name: Cow<'static, str>,
    /// Its verdict.
    #[serde(flatten)]
    pub verdict: StepVerdict,
    /// The findings, each on a line of its own. No secret.
    pub details: Vec<String>,
}

/// The verdict of a step. Reasons and remedies are sentences without a full stop, and never hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum StepVerdict {
    /// As it should be.
    Ok,
    /// It works, but not for ever or not for everybody.
    Warning {
        /// The reason for the warning.
        reason: String,
        /// The advice.
        remedy: String,
    },
    /// It does not work.
    Failed {
        /// The reason for the failure.
        reason: String,
        /// The advice.
        remedy: String,
    },
    /// It was skipped.
    Skipped {
        /// The reason.
        why: String,
    },
}

/// The facts about a directory: kind, base DN, domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DirectoryFacts {
    /// Its kind and its maker, in words.
    pub kind: String,
    /// The base of searches for people and groups.
    pub base_dn: String,
    /// `corp.example.com`, where it is an Active Directory domain.
    pub domain: Option<String>,
    /// The name that the server gives itself.
    pub server_name: Option<String>,
}

/// A certificate authority that this machine does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UntrustedCa {
    /// The certificate's subject.
    pub subject: String,
    /// The SHA-256 of the certificate, in pairs of hexadecimal digits: what its owner can be asked about.
    pub fingerprint: String,
    /// The certificate, for `ca_file`.
    pub pem: String,
}

impl DirectoryReport {
    /// Every step of every section.
    pub fn steps(&self) -> impl Iterator<Item = &DiagnosticStep> {
        self.sections.iter().flat_map(|section| &section.steps)
    }

    /// Whether some step failed.
    pub fn failed(&self) -> bool {
        self.steps().any(DiagnosticStep::failed)
    }
}

impl ReportSection {
    pub(super) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), steps: Vec::new() }
    }

    /// Adds a step; whether it is worth going on.
    pub(super) fn push(&mut self, step: DiagnosticStep) -> bool {
        let goes_on = !step.failed();
        self.steps.push(step);
        goes_on
    }

    /// Adds skipped steps.
    pub(super) fn skip(&mut self, names: &[&'static str], why: &str) {
        self.steps.extend(names.iter().map(|name| DiagnosticStep::skipped(*name, why)));
    }
}

impl DiagnosticStep {
    /// A step that found what it should.
    pub fn ok(name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), verdict: StepVerdict::Ok, details: Vec::new() }
    }

    /// A step that found something to see to.
    pub fn warning(name: impl Into<Cow<'static, str>>, reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        let verdict = StepVerdict::Warning { reason: sanitize(reason.into()), remedy: sanitize(remedy.into()) };
        Self { name: name.into(), verdict, details: Vec::new() }
    }

    /// A step that failed.
    pub fn failure(name: impl Into<Cow<'static, str>>, reason: impl Into<String>, remedy: impl Into<String>) -> Self {
        let verdict = StepVerdict::Failed { reason: sanitize(reason.into()), remedy: sanitize(remedy.into()) };
        Self { name: name.into(), verdict, details: Vec::new() }
    }

    /// A step that was skipped.
    pub fn skipped(name: impl Into<Cow<'static, str>>, why: impl Into<String>) -> Self {
        Self { name: name.into(), verdict: StepVerdict::Skipped { why: sanitize(why.into()) }, details: Vec::new() }
    }

    /// Adds one line of details.
    #[must_use]
    pub fn with(mut self, detail: impl Into<String>) -> Self {
        self.details.push(sanitize(detail.into()));
        self
    }

    /// Adds lines of details.
    #[must_use]
    pub fn with_all(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(details.into_iter().map(sanitize));
        self
    }

    /// Whether it failed.
    pub fn failed(&self) -> bool {
        matches!(self.verdict, StepVerdict::Failed { .. })
    }
}

/// The beginnings of advice in reasons for the log, which is left out where steps have a remedy of their own.
const ADVICE: [&str; 5] = [
    ": use an ldaps:// URL",
    ": check the domain in url",
    ": check this machine's DNS",
    ": set client_certificate_file",
    ": if it demands one (mutual TLS), set client_certificate_file",
];

/// Cuts off the advice behind a reason, for a step whose remedy says it.
pub(super) fn without_advice(reason: &str) -> String {
    split_advice(reason).0.to_owned()
}

/// Splits a reason from the advice behind it, where there is some.
pub(super) fn split_advice(reason: &str) -> (&str, Option<&str>) {
    let end = ADVICE.iter().filter_map(|advice| reason.find(advice)).min();
    end.map_or((reason, None), |end| (&reason[..end], Some(reason[end..].trim_start_matches(": "))))
}

/// Replaces control characters, and cuts long lines: text may come from a server that nobody trusts, and is printed on
/// terminals.
fn sanitize(text: String) -> String {
    if text.len() <= MAX_LINE_CHARS && !text.contains(char::is_control) {
        return text;
    }
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_LINE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_cannot_write_on_the_terminal() {
        let said = format!("CN=\u{1b}[2Jroot\r\n{}", "x".repeat(10_000));
        let step = DiagnosticStep::failure("TLS", said.clone(), said.clone()).with(said);
        let text = serde_json::to_string(&step).unwrap();
        assert!(!text.contains("\\u001b") && !text.contains("\\r") && !text.contains("\\n"), "{text}");
        assert!(text.len() < 4 * MAX_LINE_CHARS);
    }

    #[test]
    fn the_advice_behind_a_reason_is_told_apart() {
        let wants = "it wants a certificate of ours (mutual TLS), and we have shown none (alert: certificate required)";
        let sets = "set client_certificate_file and client_key_file";
        assert_eq!(split_advice(&format!("{wants}: {sets}")), (wants, Some(sets)));
        assert_eq!(split_advice("no answer within 2s (operation_timeout)"), ("no answer within 2s (operation_timeout)", None));
    }
}
