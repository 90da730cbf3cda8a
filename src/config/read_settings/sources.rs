use std::time::Duration;

use indexmap::IndexMap;
use reqwest::header::{HeaderName, HeaderValue};
use url::Url;

use super::super::hints::shown;
use super::super::reader::Fields;
use super::super::redact::has_user_information;
use super::super::settings::{HttpSourceSettings, Secret, SourceSettings};
use super::super::tree::{Entry, Node, Value};
use super::files::{ca_file, path, secret, secret_in};
use crate::domain::{SourceName, TextTemplate};

/// Always there, and not to be set.
const BUILT_IN: [&str; 2] = ["host", "clock"];

/// What stands behind `kind`.
const KINDS: [(&str, ()); 1] = [("http", ())];

/// Long enough for a slow report, short enough that a panel says soon that something is wrong.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(100);
const LONGEST_TIMEOUT: Duration = Duration::from_mins(5);

/// JSON for a panel is some KiB; what is larger should be asked for less.
const DEFAULT_MAX_BYTES: u64 = 1024 * 1024;
const SMALLEST_MAX_BYTES: u64 = 1024;

/// An answer is held in memory whole, and parsed into several times its size.
const LARGEST_MAX_BYTES: u64 = 64 * 1024 * 1024;

/// More than any service asks for; servers refuse requests with some hundred.
const MOST_HEADERS: usize = 32;

/// `[sources.…]`, in the order written.
pub(super) fn read_sources(mut fields: Fields<'_>) -> Option<IndexMap<SourceName, SourceSettings>> {
    let entries = fields.rest();
    let written = entries.len();
    let sources: IndexMap<_, _> = entries.into_iter().filter_map(|entry| read_source(entry, &fields)).collect();
    (sources.len() == written).then_some(sources)
}

fn read_source(entry: Entry, fields: &Fields<'_>) -> Option<(SourceName, SourceSettings)> {
    let ledger = fields.ledger;
    if BUILT_IN.contains(&entry.key.as_str()) {
        let message = format!("the source `{}` is built in and has nothing to set", entry.key);
        ledger.note(&entry.key_place, message, "give this source another name");
        return None;
    }
    let name = match entry.key.parse::<SourceName>() {
        Ok(name) => Some(name),
        Err(error) => {
            ledger.note(
                &entry.key_place,
                format!("a source cannot be called {}", shown(&entry.key)),
                error.to_string(),
            );
            None
        }
    };
    let mut table = entry.node.table(&entry.key, ledger)?;
    table.needs("kind", "say what it is: `kind = \"http\"`");
    // Which other keys are right depends on the kind, so without it nothing more is said.
    table.word("kind", &KINDS)?;
    let source = read_http(table)?;
    Some((name?, SourceSettings::Http(source)))
}

fn read_http(mut fields: Fields<'_>) -> Option<HttpSourceSettings> {
    let url = read_url(&mut fields);
    let headers = fields.or("headers", Some(Vec::new()), |fields, key| fields.table(key).map(read_headers));
    let ca_file = ca_file(&mut fields);
    let timeout = fields.or("timeout", DEFAULT_TIMEOUT, |fields, key| {
        fields.duration(key, SHORTEST_TIMEOUT..=LONGEST_TIMEOUT).map(|timeout| timeout.value)
    });
    let max_bytes = fields
        .or("max_bytes", DEFAULT_MAX_BYTES, |fields, key| fields.size(key, SMALLEST_MAX_BYTES..=LARGEST_MAX_BYTES));
    fields.finish();
    Some(HttpSourceSettings {
        url: url?,
        headers: headers??,
        ca_file: ca_file?,
        timeout: timeout?,
        max_bytes: usize::try_from(max_bytes?).ok()?,
    })
}

/// The URL, or the file it stands in when it has a key in it.
fn read_url(fields: &mut Fields<'_>) -> Option<TextTemplate> {
    let given = fields.key_place("url").is_some() || fields.key_place("url_file").is_some();
    let from_file = fields.key_place("url_file").is_some();
    let url = secret(fields, "url", "url_file")?;
    let Some(url) = url else {
        if !given {
            fields.missing("url", "say what is asked: `url = \"https://stock.corp.example.com/api\"`");
        }
        return None;
    };
    match check_url(&url.value) {
        Ok(pattern) => Some(pattern),
        Err((message, help)) => {
            let what = if from_file { "the URL in the file" } else { "`url`" };
            fields.ledger.note(&url.place, format!("{what} {message}"), help);
            None
        }
    }
}

/// What the URL says is not quoted: it may hold a key, and the line shows it anyway where it may be shown.
fn check_url(text: &str) -> Result<TextTemplate, (String, String)> {
    let pattern: TextTemplate = text.parse().map_err(|error: crate::domain::TemplateError| {
        (
            format!("has a crooked placeholder: {error}"),
            "a placeholder is an input's name in braces: `?city={city}`".to_owned(),
        )
    })?;
    let example = "write it like `https://stock.corp.example.com/api?city={city}`".to_owned();
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(("is not a URL".to_owned(), example));
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if scheme.contains(['{', '}']) || authority.contains(['{', '}']) {
        let help = "the admin alone decides which host is asked: put placeholders behind it, in the path or the query";
        return Err(("has a placeholder in its scheme or host".to_owned(), help.to_owned()));
    }
    if has_user_information(text) {
        let help = "send it as a header: `headers = { Authorization = { file = \"…\" } }`";
        return Err(("has a user or password in it".to_owned(), help.to_owned()));
    }
    let filled = pattern.fill(&crate::domain::Bindings::new(), str::to_owned);
    match Url::parse(&filled) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(pattern),
        Ok(_) => Err(("does not begin with https:// or http://".to_owned(), example)),
        Err(error) => Err((format!("is not a URL: {error}"), example)),
    }
}

/// `{ Accept = "application/json", Authorization = { file = "…" } }`.
fn read_headers(mut fields: Fields<'_>) -> Option<Vec<(String, Secret)>> {
    let entries = fields.rest();
    if entries.len() > MOST_HEADERS {
        let message = format!("`headers` has {} headers", entries.len());
        fields.ledger.note(&fields.place, message, format!("{MOST_HEADERS} are the most"));
        return None;
    }
    let written = entries.len();
    let headers: Vec<_> = entries.into_iter().filter_map(|entry| read_header(entry, &fields)).collect();
    (headers.len() == written).then_some(headers)
}

fn read_header(entry: Entry, fields: &Fields<'_>) -> Option<(String, Secret)> {
    let ledger = fields.ledger;
    if HeaderName::from_bytes(entry.key.as_bytes()).is_err() {
        let help = "a header's name has letters, digits and hyphens: `Authorization`";
        ledger.note(&entry.key_place, format!("a header cannot be called {}", shown(&entry.key)), help);
        return None;
    }
    let place = entry.node.place.clone();
    let value = read_header_value(&entry.key, entry.node, fields)?;
    if HeaderValue::from_str(value.expose()).is_err() {
        let message = format!("the value of `{}` cannot be sent as a header", entry.key);
        ledger.note(&place, message, "write one line of ASCII, without control characters");
        return None;
    }
    Some((entry.key, value))
}

fn read_header_value(name: &str, node: Node, fields: &Fields<'_>) -> Option<Secret> {
    let node = node.opened(fields.ledger)?;
    if !matches!(node.value, Value::Table(_)) {
        return node.text(name, fields.ledger).map(|text| Secret::new(text.value));
    }
    let mut table = node.table(name, fields.ledger)?;
    table.needs("file", "name the file that holds the value: `{ file = \"/run/credentials/belvedere/stock\" }`");
    let file = path(&mut table, "file");
    let value = file.and_then(|file| secret_in(&table, &file));
    table.finish();
    value.map(|value| Secret::new(value.to_string()))
}
