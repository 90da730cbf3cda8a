use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use itertools::Itertools;

use crate::config::{Diagnostic, SourceLocation};
use crate::domain::{Access, Input, PageSlug};
use crate::panels::{PanelKind, PanelSettings, PanelSource};

/// A parsed page file.
#[derive(Clone, Debug)]
pub struct PageFile {
    /// The stem of the file.
    pub slug: PageSlug,
    /// The file, as shown to people: `pages/operations.toml`.
    pub file: PathBuf,
    /// The text of the file.
    pub text: String,
    /// Its heading, and its name in the navigation.
    pub title: String,
    /// One line beneath the heading.
    pub about: Option<String>,
    /// Who may open it.
    pub access: Access,
    /// Whether it takes a second factor as well.
    pub second_factor: bool,
    /// Whom to ask for the right to open it.
    pub owner: Option<String>,
    /// Its order in the navigation: lower comes first, then by title.
    pub order: i64,
    /// Whether its feeds run when nobody watches.
    pub keep: bool,
    /// Whether its footer shows the file itself.
    pub show_source: bool,
    /// The controls, in order.
    pub inputs: Vec<Input>,
    /// The panels, in order. Their ids are distinct.
    pub panels: Vec<PanelSettings>,
}

impl PageFile {
    /// The kinds of its panels, each once.
    pub fn panel_kinds(&self) -> impl Iterator<Item = &'static PanelKind> {
        self.panels.iter().map(|panel| panel.kind).unique_by(|kind| kind.word)
    }

    /// The panels whose numbers are kept, each with its source and for how long.
    pub fn recorded_panels(&self) -> impl Iterator<Item = (&PanelSettings, &PanelSource, Duration)> {
        self.panels.iter().filter_map(|panel| {
            let source = panel.source.as_ref()?;
            Some((panel, source, source.keep?))
        })
    }

    /// A diagnostic in the page's text that is found only later, by the page's sources: `span` is the
    /// [`query_span`](crate::panels::PanelSource::query_span) or the
    /// [`source_span`](crate::panels::PanelSource::source_span) of a panel.
    pub fn diagnostic(&self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> Diagnostic {
        Diagnostic::new(SourceLocation::text(&self.file, self.text.clone(), span), message, help)
    }
}
