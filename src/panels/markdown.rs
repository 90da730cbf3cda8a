//! Markdown of a page's author, rendered to sanitised HTML.
//!
//! Values that visitors chose are filled in after the Markdown was parsed, and only where plain text stands, so they
//! can never become markup. The HTML makes no request that leaves this host, runs nothing and styles nothing; it can
//! only link.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use ammonia::{Builder, UrlRelative};
use pulldown_cmark::{CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd, TextMergeStream, html};

use crate::domain::{Bindings, TextTemplate};

/// The characters around a placeholder's number while the Markdown is parsed, from Unicode's private use area. To Markdown
/// they are letters, so `**{city}**` is bold whatever the city is called.
const MARKER_START: char = '\u{E000}';
const MARKER_END: char = '\u{E001}';

/// The extensions of Markdown that a text may use.
const OPTIONS: Options = Options::ENABLE_TABLES.union(Options::ENABLE_STRIKETHROUGH);

/// The schemes of addresses that may be linked.
const SCHEMES: [&str; 4] = ["http", "https", "mailto", "tel"];

/// Renders a text to HTML.
pub(super) fn render(markdown: &TextTemplate, bindings: &Bindings) -> String {
    let placeholders = Placeholders::of(markdown, bindings);
    let marked = placeholders.insert_markers(markdown);
    let parser = Parser::new_ext(&marked, OPTIONS);
    let mut images = Vec::new();
    let events = TextMergeStream::new(parser).filter_map(|event| sanitize_event(event, &placeholders, &mut images));
    let mut out = String::with_capacity(marked.len() * 2);
    html::push_html(&mut out, events);
    sanitizer().clean(&out).to_string()
}

/// A link or an image of a text whose address is left out of its HTML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dropped {
    /// `link` or `image`.
    pub(super) what: &'static str,
    /// The address as it was written.
    pub(super) address: String,
}

/// The links and images of a text that would lose their addresses, for its author to mend.
pub(super) fn dropped_addresses(markdown: &str) -> Vec<Dropped> {
    let dropped = |event: Event<'_>| match event {
        Event::Start(Tag::Link { link_type, dest_url, .. }) if link_type != LinkType::Email && !is_link_allowed(&dest_url) => {
            Some(Dropped { what: "link", address: dest_url.to_string() })
        }
        Event::Start(Tag::Image { dest_url, .. }) if !is_local_path(&dest_url) => {
            Some(Dropped { what: "image", address: dest_url.to_string() })
        }
        _ => None,
    };
    Parser::new_ext(markdown, OPTIONS).filter_map(dropped).collect()
}

/// The placeholders of a text: the name between the braces, and the value.
struct Placeholders<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Placeholders<'a> {
    fn of(pattern: &'a TextTemplate, bindings: &'a Bindings) -> Self {
        let value = |key: &str| bindings.get(key).map_or("", String::as_str);
        Self(pattern.placeholders().map(|placeholder| (placeholder.key.as_str(), value(&placeholder.key))).collect())
    }

    /// The text with a marker in place of each placeholder.
    fn insert_markers(&self, pattern: &TextTemplate) -> String {
        let mark = |(i, (key, _)): (usize, &(&str, &str))| ((*key).to_owned(), format!("{MARKER_START}{i}{MARKER_END}"));
        let marks: Bindings = self.0.iter().enumerate().map(mark).collect();
        pattern.fill(&marks, str::to_owned)
    }

    /// `text` with `replace(key, value)` in place of each marker.
    fn replace_markers<'t>(&self, text: CowStr<'t>, replace: impl Fn(&str, &str) -> String) -> CowStr<'t> {
        if !text.contains(MARKER_START) {
            return text;
        }
        let mut filled = String::with_capacity(text.len());
        let mut rest: &str = &text;
        while let Some((before, behind)) = rest.split_once(MARKER_START) {
            filled.push_str(before);
            let mark = behind.split_once(MARKER_END).and_then(|(i, rest)| Some((self.0.get(i.parse::<usize>().ok()?)?, rest)));
            rest = match mark {
                Some(((key, value), rest)) => {
                    filled.push_str(&replace(key, value));
                    rest
                }
                // Not a marker of ours: the author's own character, which means nothing to anybody else.
                None => behind,
            };
        }
        filled.push_str(rest);
        filled.into()
    }

    /// Fills the values into plain text.
    fn fill_text<'t>(&self, text: CowStr<'t>) -> CowStr<'t> {
        self.replace_markers(text, |_, value| value.to_owned())
    }

    /// Leaves placeholders in a URL as their author wrote them, where they are seen not to work.
    fn fill_url<'t>(&self, text: CowStr<'t>) -> CowStr<'t> {
        self.replace_markers(text, |key, _| format!("{{{key}}}"))
    }
}

/// Fills values into plain text, and drops HTML and images from elsewhere. `images` remembers, from the outermost in,
/// which of the images around an event are kept.
fn sanitize_event<'a>(event: Event<'a>, placeholders: &Placeholders<'_>, images: &mut Vec<bool>) -> Option<Event<'a>> {
    Some(match event {
        Event::Text(text) => Event::Text(placeholders.fill_text(text)),
        Event::Code(text) => Event::Code(placeholders.fill_text(text)),
        Event::Html(_) | Event::InlineHtml(_) => return None,
        Event::Start(Tag::Heading { level, .. }) => {
            Event::Start(Tag::Heading { level: demote_heading(level), id: None, classes: Vec::new(), attrs: Vec::new() })
        }
        Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(demote_heading(level))),
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            let (dest_url, title) = (placeholders.fill_url(dest_url), placeholders.fill_text(title));
            Event::Start(Tag::Link { link_type, dest_url, title, id })
        }
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            images.push(is_local_path(&dest_url));
            if !is_local_path(&dest_url) {
                return None;
            }
            let (dest_url, title) = (placeholders.fill_url(dest_url), placeholders.fill_text(title));
            Event::Start(Tag::Image { link_type, dest_url, title, id })
        }
        Event::End(TagEnd::Image) if images.pop() == Some(false) => return None,
        Event::Start(Tag::CodeBlock(_)) => Event::Start(Tag::CodeBlock(pulldown_cmark::CodeBlockKind::Indented)),
        other => other,
    })
}

/// Lowers a heading by two levels, as the panel's own title is an `h2`.
fn demote_heading(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H3,
        HeadingLevel::H2 => HeadingLevel::H4,
        HeadingLevel::H3 => HeadingLevel::H5,
        _ => HeadingLevel::H6,
    }
}

/// Whether a URL is a path on this host. Browsers read a backslash as a slash and skip tabs and line ends, so a URL with
/// any of these is not taken for one.
fn is_local_path(address: &str) -> bool {
    let mut chars = address.chars();
    chars.next() == Some('/')
        && chars.next() != Some('/')
        && !address.chars().any(|c| c == '\\' || c.is_control() || c.is_whitespace())
}

/// The HTML sanitiser: the elements, attributes and URLs that a text may have, and nothing else.
fn sanitizer() -> Builder<'static> {
    let tags = [
        "p",
        "br",
        "hr",
        "h3",
        "h4",
        "h5",
        "h6",
        "strong",
        "em",
        "del",
        "code",
        "pre",
        "blockquote",
        "ul",
        "ol",
        "li",
        "a",
        "img",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    ];
    let attributes = [
        ("a", HashSet::from(["href", "title"])),
        ("img", HashSet::from(["src", "alt", "title"])),
        ("ol", HashSet::from(["start"])),
    ];
    let mut cleaner = Builder::empty();
    cleaner
        .tags(HashSet::from(tags))
        .tag_attributes(HashMap::from(attributes))
        .url_schemes(HashSet::from(SCHEMES))
        .url_relative(UrlRelative::Custom(Box::new(allow_relative)))
        .attribute_filter(|element, attribute, value| match (element, attribute) {
            ("img", "src") if !is_local_path(value) => None,
            _ => Some(Cow::Borrowed(value)),
        })
        .link_rel(Some("noopener"));
    cleaner
}

/// Allows those URLs without a scheme that stay on this host.
fn allow_relative(address: &str) -> Option<Cow<'_, str>> {
    (address.starts_with(['#', '?']) || is_local_path(address) || is_relative_path(address)).then_some(Cow::Borrowed(address))
}

/// Whether a URL is a path from the page that it stands on: no scheme, and none of what browsers read as another host.
fn is_relative_path(address: &str) -> bool {
    let first = address.split(['/', '?', '#']).next().unwrap_or_default();
    !first.is_empty() && !first.contains(':') && !address.chars().any(|c| c == '\\' || c.is_control() || c.is_whitespace())
}

/// Whether a link keeps its address.
fn is_link_allowed(address: &str) -> bool {
    let scheme = address.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    allow_relative(address).is_some() || scheme.is_some_and(|scheme| SCHEMES.contains(&scheme.as_str()))
}

#[cfg(test)]
mod tests;
