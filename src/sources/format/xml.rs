//! XML as JSON, in the way of `xmltodict` and `xq`: an element is its text, or `null` when it is empty; with attributes or elements in
//! it, an object of these (`@name`, `name`) and of its text (`#text`). Several elements of one name are an array.

use indexmap::IndexMap;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion, escape};
use serde_json::Value;

use crate::sources::SourceError;

/// How deep elements may be in one another: the parser of JSON takes no more.
const MAX_DEPTH: usize = 100;

/// The document as JSON. Entities that it declares itself are not known: they can grow without bound.
///
/// # Errors
/// [`SourceError::BadAnswer`] with the line that cannot be read, and nothing of its text.
pub(super) fn xml_to_json(text: &str, origin: &str) -> Result<Vec<u8>, SourceError> {
    let mut reader = Reader::from_str(text);
    let document = read_document(&mut reader).map_err(|reason| {
        let read = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX).min(text.len());
        let line = text.as_bytes()[..read].split(|byte| *byte == b'\n').count();
        SourceError::BadAnswer(format!("the XML of {origin} cannot be read: line {line}: {reason}"))
    })?;
    serde_json::to_vec(&document).map_err(|error| SourceError::Broken(format!("XML cannot be written as JSON: {error}")))
}

/// An element that is being read.
#[derive(Default)]
struct Element {
    name: String,
    fields: IndexMap<String, Value>,
    text: String,
}

fn read_document(reader: &mut Reader<&[u8]>) -> Result<Value, &'static str> {
    let mut open = vec![Element::default()];
    loop {
        let event = reader.read_event().map_err(|_| "it is no XML")?;
        let depth = open.len();
        let Some(innermost) = open.last_mut() else { return Err("it is no XML") };
        match event {
            Event::Start(_) if depth > MAX_DEPTH => return Err("its elements are nested deeper than 100 levels"),
            Event::Start(start) => open.push(Element::begin(&start)?),
            Event::Empty(start) => innermost.add(Element::begin(&start)?),
            Event::Text(text) => innermost.text.push_str(&text.xml10_content()),
            Event::CData(text) => innermost.text.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => innermost.text.push_str(&resolve(&reference)?),
            Event::End(_) => {
                let Some(ended) = open.pop() else { return Err("it is no XML") };
                open.last_mut().ok_or("it is no XML")?.add(ended);
            }
            Event::Eof if depth == 1 => break,
            Event::Eof => return Err("it ends in the middle"),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    let root = open.pop().unwrap_or_default();
    if root.fields.is_empty() { Err("there is no element in it") } else { Ok(Value::Object(root.fields.into_iter().collect())) }
}

impl Element {
    fn begin(start: &BytesStart<'_>) -> Result<Self, &'static str> {
        let mut fields = IndexMap::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|_| "an attribute cannot be read")?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| "an attribute cannot be read")?;
            fields.insert(format!("@{}", attribute.key.0), Value::String(value.into_owned()));
        }
        Ok(Self { name: start.name().0.to_owned(), fields, text: String::new() })
    }

    /// Adds an element that has ended.
    fn add(&mut self, ended: Self) {
        let (name, value) = (ended.name.clone(), ended.into_value());
        match self.fields.get_mut(&name) {
            None => drop(self.fields.insert(name, value)),
            Some(Value::Array(all)) => all.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }

    fn into_value(self) -> Value {
        let text = match self.text.trim() {
            "" => Value::Null,
            text => Value::String(text.to_owned()),
        };
        if self.fields.is_empty() {
            return text;
        }
        let text = (!text.is_null()).then(|| ("#text".to_owned(), text));
        Value::Object(self.fields.into_iter().chain(text).collect())
    }
}

/// The text of `&amp;` or `&#228;`.
fn resolve(reference: &BytesRef<'_>) -> Result<String, &'static str> {
    if let Some(c) = reference.resolve_char_ref().map_err(|_| "it names a character that there is not")? {
        return Ok(c.to_string());
    }
    let known = escape::resolve_xml_entity(&reference.xml10_content()).map(str::to_owned);
    known.ok_or("it has an entity that XML does not know by itself")
}
