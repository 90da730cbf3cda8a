//! `text`: the page author's Markdown, with the inputs' values in it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::kind::{KindOptions, PanelKind, PanelSettings, PanelState, ViewChange, read_view};
use super::markdown::{self, Dropped};
use super::mismatch::ReadingMismatch;
use super::view::{PanelView, StateMark, View};
use crate::config::{Fields, SourceLocation, quote, suggest};
use crate::domain::{Bindings, History, Input, Placeholder, Reading, TextTemplate};

pub(super) static KIND: PanelKind = PanelKind {
    has_source: false,
    // Markdown has tables, too.
    shared_styles: &["css/panels/table.css"],
    keys: &["text"],
    samples: &["text = '''# Heading\n\nWords with a [link](/) and **weight**'''"],
    ..PanelKind::new("text", 12, read_view::<TextView>, |fields, context| {
        Some(Arc::new(TextOptions::read(fields, context.inputs)?))
    })
};

#[derive(Debug)]
struct TextOptions {
    markdown: TextTemplate,
}

impl TextOptions {
    fn read(fields: &mut Fields<'_>, inputs: Option<&[Input]>) -> Option<Self> {
        fields.require("text", "write the Markdown: `text = \"\"\"…\"\"\"`");
        let text = fields.located_string("text")?;
        let markdown: TextTemplate = match text.value.parse() {
            Ok(template) => template,
            Err(error) => {
                let error: crate::domain::TemplateError = error;
                fields.sink.report(&text.location, error.to_string(), "a placeholder is an input's name in braces: `{city}`");
                return None;
            }
        };
        let mut valid = true;
        for Dropped { what, address } in markdown::dropped_addresses(&text.value) {
            let help = match what {
                "image" => "write a path of this site, as in `/p/operations` or `/static/logo.png`",
                _ => {
                    "write a path of this site (`/p/operations`, or `operations` for the page beside this one), or an address that \
                     begins with https://, http://, mailto: or tel:"
                }
            };
            let location = text.location.find(&address).unwrap_or_else(|| text.location.clone());
            fields.sink.report(&location, format!("the address {} of this {what} leads nowhere", quote(&address)), help);
            valid = false;
        }
        for placeholder in markdown.placeholders() {
            let Some(inputs) = inputs else { break };
            if let Err((message, help)) = check_placeholder(placeholder, inputs) {
                fields.sink.report(&placeholder_location(&text.location, placeholder), message, help);
                valid = false;
            }
        }
        valid.then_some(Self { markdown })
    }
}

impl KindOptions for TextOptions {
    fn state(&self, panel: &PanelSettings, bindings: &Bindings) -> Box<dyn PanelState> {
        let view = TextView { html: markdown::render(&self.markdown, bindings) };
        Box::new(TextState(PanelView::new(panel.kind.word, Arc::new(view))))
    }
}

/// Text that the page's author wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct TextView {
    /// Sanitised HTML.
    html: String,
}

impl View for TextView {
    /// Words of the author's own need no look.
    fn mark(&self) -> Option<&StateMark> {
        None
    }
}

/// A text is there from the start, and stays as it is.
#[derive(Debug)]
struct TextState(PanelView);

impl PanelState for TextState {
    fn update(&mut self, reading: &Reading, _: &History) -> Result<(), ReadingMismatch> {
        Err(ReadingMismatch::ShowsNone { kind: "a text panel", gave: reading.kind_name() })
    }

    fn has_view(&self) -> bool {
        true
    }

    fn view(&self, _: &History) -> Option<PanelView> {
        Some(self.0.clone())
    }

    fn drain(&mut self, _: &History) -> Option<ViewChange> {
        None
    }
}

/// Checks that a placeholder's input and field are there.
///
/// # Errors
/// Message and help.
fn check_placeholder(placeholder: &Placeholder, inputs: &[Input]) -> Result<(), (String, String)> {
    let Some(input) = inputs.iter().find(|input| input.name.as_str() == placeholder.input()) else {
        let names: Vec<_> = inputs.iter().map(|input| input.name.as_str()).collect();
        let help = if names.is_empty() {
            "the page has no input: add an `[[input]]`, or write `{{` and `}}` for plain braces".to_owned()
        } else {
            suggest(placeholder.input(), &names)
        };
        return Err((format!("`{{{}}}` names no input of this page", placeholder.key), help));
    };
    let Some(field) = placeholder.field() else { return Ok(()) };
    let known = input.options.first().map(|option| &option.fields);
    if known.is_some_and(|fields| fields.contains_key(field)) {
        return Ok(());
    }
    let message = format!("the options of `{}` have no field `{field}`", input.name);
    let names: Vec<_> = known.into_iter().flat_map(|fields| fields.keys().map(String::as_str)).collect();
    let help = if names.is_empty() {
        format!("write the options as tables: `{{ value = \"…\", {field} = \"…\" }}`")
    } else {
        suggest(field, &names)
    };
    Err((message, help))
}

/// The location of a placeholder, or of the whole text where it cannot be found in it.
fn placeholder_location(text: &SourceLocation, placeholder: &Placeholder) -> SourceLocation {
    text.find(&format!("{{{}}}", placeholder.key)).unwrap_or_else(|| text.clone())
}
