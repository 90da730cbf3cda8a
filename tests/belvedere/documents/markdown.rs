//! Reads Markdown: code blocks, links, headings, tables.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// The folder of the book's chapters.
pub(super) const BOOK: &str = "docs/src";

/// A Markdown file of the repository.
pub(super) struct MarkdownFile {
    /// Its path from the root, with `/`.
    pub(super) name: String,
    /// Its text, with mdBook's includes replaced.
    pub(super) text: String,
}

/// A fenced code block.
pub(super) struct CodeBlock {
    /// `docs/src/pages.md:12`.
    pub(super) place: String,
    pub(super) language: String,
    pub(super) text: String,
}

/// A link or a picture.
pub(super) struct MarkdownLink {
    pub(super) place: String,
    pub(super) target: String,
}

/// A table, with the heading before it.
pub(super) struct MarkdownTable {
    /// The heading above it.
    pub(super) heading: String,
    pub(super) head: Vec<MarkdownCell>,
    pub(super) rows: Vec<Vec<MarkdownCell>>,
}

/// A cell of a table.
#[derive(Clone, Default)]
pub(super) struct MarkdownCell {
    /// All its text.
    pub(super) text: String,
    /// Its code spans.
    pub(super) codes: Vec<String>,
}

impl MarkdownCell {
    /// Its code span, if there is nothing else in it.
    pub(super) fn only_code(&self) -> Option<&str> {
        match self.codes.as_slice() {
            [code] if *code == self.text => Some(code),
            _ => None,
        }
    }
}

/// The repository's root.
pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every document.
pub(super) fn documents() -> Vec<MarkdownFile> {
    let mut names: Vec<PathBuf> = vec![root().join("benches/README.md")];
    for folder in ["", BOOK, "docs/decisions"] {
        let files = fs::read_dir(root().join(folder)).unwrap().map(|file| file.unwrap().path());
        names.extend(files.filter(|file| file.extension().is_some_and(|extension| extension == "md")));
    }
    names.sort();
    names.iter().map(|path| document(path.strip_prefix(root()).unwrap().to_str().unwrap())).collect()
}

/// The document of that name.
pub(super) fn document(name: &str) -> MarkdownFile {
    let text = fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    MarkdownFile { name: name.to_owned(), text: with_includes(name, &text) }
}

/// Replaces `{{#include file:anchor}}` as mdBook does.
fn with_includes(name: &str, text: &str) -> String {
    let line = |line: &str| {
        let Some(include) = line.strip_prefix("{{#include ").and_then(|rest| rest.strip_suffix("}}")) else {
            return line.to_owned();
        };
        let (file, anchor) = include.split_once(':').expect("an include names an anchor");
        let included = fs::read_to_string(root().join(name).with_file_name(file)).unwrap();
        let (begin, end) = (format!("ANCHOR: {anchor} "), format!("ANCHOR_END: {anchor} "));
        let lines = included.lines().skip_while(|line| !line.contains(&begin)).skip(1);
        lines.take_while(|line| !line.contains(&end)).collect::<Vec<_>>().join("\n")
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

impl MarkdownFile {
    /// Whether it is a chapter of the book.
    pub(super) fn is_of_the_book(&self) -> bool {
        self.name.starts_with(BOOK)
    }

    fn events(&self) -> impl Iterator<Item = (Event<'_>, String)> {
        let parser = Parser::new_ext(&self.text, Options::ENABLE_TABLES).into_offset_iter();
        parser.map(|(event, range)| {
            let line = self.text[..range.start].lines().count() + 1;
            (event, format!("{}:{line}", self.name))
        })
    }

    /// Its blocks of code.
    pub(super) fn blocks(&self) -> Vec<CodeBlock> {
        let mut blocks: Vec<CodeBlock> = Vec::new();
        let mut inside = false;
        for (event, place) in self.events() {
            match event {
                Event::Start(Tag::CodeBlock(kind)) => {
                    let language = match kind {
                        CodeBlockKind::Fenced(info) => info.to_string(),
                        CodeBlockKind::Indented => String::new(),
                    };
                    blocks.push(CodeBlock { place, language, text: String::new() });
                    inside = true;
                }
                Event::End(TagEnd::CodeBlock) => inside = false,
                Event::Text(text) if inside => blocks.last_mut().unwrap().text.push_str(&text),
                _ => {}
            }
        }
        blocks
    }

    /// Its blocks in that language.
    pub(super) fn blocks_in(&self, language: &str) -> Vec<CodeBlock> {
        self.blocks().into_iter().filter(|block| block.language == language).collect()
    }

    /// Its code spans.
    pub(super) fn code_spans(&self) -> Vec<String> {
        let code = |(event, _)| match event {
            Event::Code(code) => Some(code.to_string()),
            _ => None,
        };
        self.events().filter_map(code).collect()
    }

    /// Its links and pictures.
    pub(super) fn links(&self) -> Vec<MarkdownLink> {
        let link = |(event, place)| match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                Some(MarkdownLink { place, target: dest_url.to_string() })
            }
            _ => None,
        };
        self.events().filter_map(link).collect()
    }

    /// The anchors of its headings.
    pub(super) fn anchors(&self) -> Vec<String> {
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut anchors = Vec::new();
        for heading in self.headings() {
            let name: String = heading.trim().chars().filter_map(in_anchor).collect();
            let times = seen.entry(name.clone()).and_modify(|times| *times += 1).or_default();
            anchors.push(if *times == 0 { name } else { format!("{name}-{times}") });
        }
        anchors
    }

    fn headings(&self) -> Vec<String> {
        let mut headings: Vec<String> = Vec::new();
        let mut inside = false;
        for (event, _) in self.events() {
            match event {
                Event::Start(Tag::Heading { .. }) => {
                    headings.push(String::new());
                    inside = true;
                }
                Event::End(TagEnd::Heading(_)) => inside = false,
                Event::Text(text) | Event::Code(text) if inside => headings.last_mut().unwrap().push_str(&text),
                _ => {}
            }
        }
        headings
    }

    /// Its tables.
    pub(super) fn tables(&self) -> Vec<MarkdownTable> {
        let mut reader = TableCollector::default();
        self.events().for_each(|(event, _)| reader.take(event));
        reader.tables
    }

    /// The rows of the table of keys under a heading.
    pub(super) fn keys_under(&self, heading: &str) -> Vec<Vec<MarkdownCell>> {
        let tables = self.tables();
        let mut found = tables.iter().filter(|table| table.heading == heading && table.head[0].text == "key");
        let table = found.next().unwrap_or_else(|| panic!("{}: no keys under {heading}", self.name));
        assert!(found.next().is_none(), "{}: one table of keys under {heading}", self.name);
        table.rows.clone()
    }
}

/// A heading's character in its anchor, as mdBook and GitHub write it.
fn in_anchor(c: char) -> Option<char> {
    match c {
        c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c.to_ascii_lowercase()),
        c if c.is_whitespace() => Some('-'),
        _ => None,
    }
}

#[derive(Default)]
struct TableCollector {
    tables: Vec<MarkdownTable>,
    heading: String,
    cell: Option<MarkdownCell>,
    row: Vec<MarkdownCell>,
    /// Whether text outside of cells belongs to the heading.
    in_heading: bool,
}

impl TableCollector {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(Tag::Heading { .. }) => {
                (self.heading, self.in_heading) = (String::new(), true);
            }
            Event::End(TagEnd::Heading(_)) => self.in_heading = false,
            Event::Start(Tag::Table(_)) => {
                self.tables.push(MarkdownTable { heading: self.heading.clone(), head: Vec::new(), rows: Vec::new() });
            }
            Event::Start(Tag::TableCell) => self.cell = Some(MarkdownCell::default()),
            Event::End(TagEnd::TableCell) => self.row.extend(self.cell.take()),
            Event::End(TagEnd::TableHead) => self.table().head = std::mem::take(&mut self.row),
            Event::End(TagEnd::TableRow) => {
                let row = std::mem::take(&mut self.row);
                self.table().rows.push(row);
            }
            Event::Code(code) => {
                if let Some(cell) = &mut self.cell {
                    cell.codes.push(code.to_string());
                }
                self.add(&code);
            }
            Event::Text(text) => self.add(&text),
            Event::SoftBreak => self.add(" "),
            _ => {}
        }
    }

    fn table(&mut self) -> &mut MarkdownTable {
        self.tables.last_mut().expect("a row stands in a table")
    }

    fn add(&mut self, text: &str) {
        match &mut self.cell {
            Some(cell) => cell.text.push_str(text),
            None if self.in_heading => self.heading.push_str(text),
            None => {}
        }
    }
}

#[test]
fn anchors_and_tables_are_read() {
    let text =
        "# `host`: the machine\n\n## What it *is*\n\n## What it is\n\n| key | b |\n|---|---|\n| `x`<br>`Y` | one `z` |\n";
    let document = MarkdownFile { name: "x.md".to_owned(), text: text.to_owned() };
    assert_eq!(document.anchors(), ["host-the-machine", "what-it-is", "what-it-is-1"]);
    let rows = document.keys_under("What it is");
    assert_eq!((&rows[0][0].codes[..], rows[0][1].only_code()), (&["x".to_owned(), "Y".to_owned()][..], None));
}
