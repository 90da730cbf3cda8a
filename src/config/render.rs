use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

use super::diagnostic::{Diagnostic, Diagnostics, LocationKind};

/// The longest line that is shown whole: a longer one was not written to be read, and would flood the terminal.
const MAX_SHOWN_LINE: usize = 400;

impl Diagnostics {
    /// Renders all diagnostics for a terminal: `path:line:column`, the line with a marker beneath, and the help.
    /// `styled` adds colour, for when it really is a terminal.
    pub fn render(&self, styled: bool) -> String {
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        self.iter().map(|diagnostic| render_diagnostic(diagnostic, &renderer)).collect::<Vec<_>>().join("\n\n")
    }
}

fn render_diagnostic(diagnostic: &Diagnostic, renderer: &Renderer) -> String {
    let title = Level::ERROR.primary_title(diagnostic.message.as_str());
    let help = Level::HELP.message(diagnostic.help.as_str());
    let text;
    let group = match diagnostic.location.kind() {
        LocationKind::Text(document, span) => {
            let (line, column) = diagnostic.location.line_and_column().unwrap_or((1, 1));
            text = document.shown();
            let start = text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
            let end = text[span.start..].find('\n').map_or(text.len(), |at| span.start + at);
            let shown = text[start..end].trim_end_matches('\r');
            let path = document.file.display().to_string();
            if shown.len() > MAX_SHOWN_LINE {
                title.element(Origin::path(path).line(line).char_column(column)).element(help)
            } else {
                let marked = (span.start - start).min(shown.len())..(span.end.min(end) - start).min(shown.len());
                title
                    .element(
                        Snippet::source(shown).line_start(line).path(path).annotation(AnnotationKind::Primary.span(marked)),
                    )
                    .element(help)
            }
        }
        LocationKind::File(_) | LocationKind::Variable(_) | LocationKind::Key(_) => {
            title.element(Origin::path(diagnostic.location.to_string())).element(help)
        }
    };
    renderer.render(&[group])
}
