use std::fmt::Write as _;
use std::io::IsTerminal as _;

use crate::directory::{DiagnosticStep, DirectoryReport, ReportSection, StepVerdict};

/// The least width of the column of step names; wider names push it out.
const MIN_COLUMN: usize = 15;

/// The greatest width of that column: a longer name of a group or page does not push it out for all the others.
const MAX_COLUMN: usize = 30;

/// The style of findings on standard output: with signs and colours at a terminal, in plain ASCII for files, pipes and
/// under `NO_COLOR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TerminalStyle {
    fancy: bool,
}

/// The numbers of failed steps and of warnings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct StepCounts {
    pub(super) failures: usize,
    pub(super) warnings: usize,
}

impl TerminalStyle {
    /// The style for standard output.
    pub(super) fn for_stdout() -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
        Self { fancy: std::io::stdout().is_terminal() && !no_color }
    }

    /// Renders the diagnosis of one directory, section by section.
    pub(super) fn render(self, report: &DirectoryReport) -> String {
        let mut text = String::new();
        if let Some(directory) = &report.directory {
            let _ = writeln!(text, "\n{}", self.bold(&format!("directory {directory}")));
        }
        for section in &report.sections {
            self.render_section(&mut text, section);
        }
        text
    }

    fn render_section(self, text: &mut String, section: &ReportSection) {
        let _ = writeln!(text, "\n{}", self.bold(&section.title));
        let lengths = section.steps.iter().map(|step| step.name.chars().count());
        let longest = lengths.filter(|length| *length <= MAX_COLUMN).max().unwrap_or_default();
        let width = longest.max(MIN_COLUMN);
        for steps in section.steps.chunk_by(are_skipped_alike) {
            self.render_steps(text, steps, width);
        }
    }

    /// Renders one step, or several in a row that were skipped for the same reason.
    fn render_steps(self, text: &mut String, steps: &[DiagnosticStep], width: usize) {
        let [step, ..] = steps else { return };
        let name = steps.iter().map(|step| &*step.name).collect::<Vec<_>>().join(", ");
        let (first, remedy) = match &step.verdict {
            StepVerdict::Ok => (None, None),
            StepVerdict::Warning { reason, remedy } | StepVerdict::Failed { reason, remedy } => (Some(reason), Some(remedy)),
            StepVerdict::Skipped { why } => (Some(why), None),
        };
        let arrow = if self.fancy { "→ " } else { "-> " };
        let remedy = remedy.map(|remedy| format!("{arrow}{remedy}"));
        let mut lines = first.into_iter().chain(remedy.as_ref()).chain(&step.details);
        let head = lines.next().map_or("", String::as_str);
        let first = format!("  {} {name:<width$}  {head}", self.sign(&step.verdict));
        let _ = writeln!(text, "{}", first.trim_end());
        // Under the text, after the sign and the name.
        let indent = 2 + self.sign_width() + 1 + width + 2;
        for line in lines {
            let _ = writeln!(text, "{:indent$}{line}", "");
        }
    }

    fn sign(self, verdict: &StepVerdict) -> String {
        let (fancy, colour, plain) = match verdict {
            StepVerdict::Ok => ("✓", "32", "ok"),
            StepVerdict::Warning { .. } => ("!", "33", "warning"),
            StepVerdict::Failed { .. } => ("✗", "31", "FAILED"),
            StepVerdict::Skipped { .. } => ("–", "2", "-"),
        };
        if self.fancy { format!("\x1b[{colour}m{fancy}\x1b[0m") } else { format!("{plain:<7}") }
    }

    fn sign_width(self) -> usize {
        if self.fancy { 1 } else { 7 }
    }

    fn bold(self, title: &str) -> String {
        if self.fancy { format!("\x1b[1m{title}\x1b[0m") } else { title.to_owned() }
    }
}

fn are_skipped_alike(one: &DiagnosticStep, next: &DiagnosticStep) -> bool {
    matches!(one.verdict, StepVerdict::Skipped { .. }) && one.verdict == next.verdict
}

impl StepCounts {
    /// Counts the failures and warnings.
    pub(super) fn of<'a>(steps: impl Iterator<Item = &'a DiagnosticStep>) -> Self {
        let mut counts = Self::default();
        for step in steps {
            match step.verdict {
                StepVerdict::Failed { .. } => counts.failures += 1,
                StepVerdict::Warning { .. } => counts.warnings += 1,
                StepVerdict::Ok | StepVerdict::Skipped { .. } => {}
            }
        }
        counts
    }

    /// The last line of the output.
    pub(super) fn summary(self) -> String {
        let count = |count: usize, one: &str, several: &str| match count {
            1 => format!("1 {one}"),
            count => format!("{count} {several}"),
        };
        let failures = count(self.failures, "step failed", "steps failed");
        let warnings = count(self.warnings, "warning", "warnings");
        match (self.failures, self.warnings) {
            (0, 0) => "Everything is in order.".to_owned(),
            (0, _) => format!("It works, with {warnings}."),
            (_, 0) => format!("{failures}: see the arrows for what to do."),
            (_, _) => format!("{failures}, and there is something else to see to ({warnings}): see the arrows."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section() -> ReportSection {
        let steps = vec![
            DiagnosticStep::ok("name").with("127.0.0.1").with("127.0.0.2"),
            DiagnosticStep::failure("TLS", "it has expired", "renew it").with("valid to 2002"),
            DiagnosticStep::skipped("RootDSE", "not asked"),
            DiagnosticStep::skipped("clock", "not asked"),
        ];
        ReportSection { title: "ldaps://dc1:636".into(), steps }
    }

    #[test]
    fn a_pipe_gets_plain_ascii_with_the_remedy_under_the_reason() {
        let mut text = String::new();
        TerminalStyle { fancy: false }.render_section(&mut text, &section());
        assert!(text.is_ascii(), "{text}");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[2], "  ok      name             127.0.0.1");
        assert_eq!(lines[3], "                           127.0.0.2");
        assert_eq!(lines[4], "  FAILED  TLS              it has expired");
        assert_eq!(lines[5], "                           -> renew it");
        assert_eq!(lines[6], "                           valid to 2002");
        assert_eq!(lines[7], "  -       RootDSE, clock   not asked");
    }

    #[test]
    fn a_terminal_gets_signs_and_the_lines_stay_under_each_other() {
        let mut text = String::new();
        TerminalStyle { fancy: true }.render_section(&mut text, &section());
        assert!(text.contains("✓") && text.contains("✗") && text.contains("→ renew it"), "{text}");
        let plain = text.replace("\x1b[32m", "").replace("\x1b[31m", "").replace("\x1b[0m", "");
        let lines: Vec<_> = plain.lines().collect();
        assert_eq!(lines[2].find("127"), lines[3].find("127").map(|at| at + "✓".len() - 1), "{plain}");
    }

    #[test]
    fn the_last_line_counts() {
        let counts = StepCounts::of(section().steps.iter());
        assert_eq!(counts, StepCounts { failures: 1, warnings: 0 });
        assert!(counts.summary().starts_with("1 step failed"));
        assert_eq!(StepCounts::default().summary(), "Everything is in order.");
    }
}
