use std::time::Duration;

use indexmap::IndexMap;
use reqwest::header::{HeaderName, HeaderValue};
use url::Url;

use super::super::hints::quote;
use super::super::reader::Fields;
use super::super::redact::has_userinfo;
use super::super::settings::{HttpSourceSettings, Secret, SourceSettings};
use super::super::tree::{ConfigEntry, ConfigNode, ConfigValue};
use super::files::{ca_file, path, read_secret_file, secret};
use crate::domain::{SourceName, TextTemplate};

/// The sources that are always there and have no settings.
const BUILT_IN_SOURCES: [&str; 2] = ["host", "clock"];

/// The values of `kind`.
const KINDS: [(&str, ()); 1] = [("http", ())];

/// The time for a request: long enough for a slow report, short enough that a panel soon shows a failure.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const MIN_TIMEOUT: Duration = Duration::from_millis(100);
const MAX_TIMEOUT: Duration = Duration::from_mins(5);

/// The most bytes of an answer: JSON for a panel is some KiB; of what is larger, less should be asked for.
const DEFAULT_MAX_BYTES: u64 = 1024 * 1024;
const MIN_MAX_BYTES: u64 = 1024;

/// The greatest limit of an answer: it is held in memory whole, and parsed into several times its size.
const MAX_MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The most headers of a request: more than any service asks for; servers refuse some hundred.
const MAX_HEADERS: usize = 32;

/// Reads `[sources.…]`, in the order written.
pub(super) fn read_sources(mut fields: Fields<'_>) -> Option<IndexMap<SourceName, SourceSettings>> {
    let entries = fields.take_rest();
    let count = entries.len();
    let sources: IndexMap<_, _> = entries.into_iter().filter_map(|entry| read_source(entry, &fields)).collect();
    (sources.len() == count).then_some(sources)
}

fn read_source(entry: ConfigEntry, fields: &Fields<'_>) -> Option<(SourceName, SourceSettings)> {
    let sink = fields.sink;
    if BUILT_IN_SOURCES.contains(&entry.key.as_str()) {
        let message = format!("the source `{}` is built in and has nothing to set", entry.key);
        sink.report(&entry.key_location, message, "give this source another name");
        return None;
    }
    let name = match entry.key.parse::<SourceName>() {
        Ok(name) => Some(name),
        Err(error) => {
            sink.report(&entry.key_location, format!("a source cannot be called {}", quote(&entry.key)), error.to_string());
            None
        }
    };
    let mut table = entry.node.into_table(&entry.key, sink)?;
    table.require("kind", "say what it is: `kind = \"http\"`");
    // Which other keys are right depends on the kind, so without it nothing more is said.
    table.enumeration("kind", &KINDS)?;
    let source = read_http(table)?;
    Some((name?, SourceSettings::Http(source)))
}

fn read_http(mut fields: Fields<'_>) -> Option<HttpSourceSettings> {
    let url = read_url(&mut fields);
    let headers = fields.optional("headers", Some(Vec::new()), |fields, key| fields.table(key).map(read_headers));
    let ca_file = ca_file(&mut fields);
    let timeout = fields.optional("timeout", DEFAULT_TIMEOUT, |fields, key| {
        fields.duration(key, MIN_TIMEOUT..=MAX_TIMEOUT).map(|timeout| timeout.value)
    });
    let max_bytes =
        fields.optional("max_bytes", DEFAULT_MAX_BYTES, |fields, key| fields.size(key, MIN_MAX_BYTES..=MAX_MAX_BYTES));
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
    let is_given = fields.key_location("url").is_some() || fields.key_location("url_file").is_some();
    let from_file = fields.key_location("url_file").is_some();
    let url = secret(fields, "url", "url_file")?;
    let Some(url) = url else {
        if !is_given {
            fields.report_missing("url", "say what is asked: `url = \"https://stock.corp.example.com/api\"`");
        }
        return None;
    };
    match check_url(&url.value) {
        Ok(template) => Some(template),
        Err((message, help)) => {
            let what = if from_file { "the URL in the file" } else { "`url`" };
            fields.sink.report(&url.location, format!("{what} {message}"), help);
            None
        }
    }
}

/// Checks a URL with placeholders. Its text is not quoted: it may hold a key, and the diagnostic shows the line anyway
/// where it may be shown.
fn check_url(text: &str) -> Result<TextTemplate, (String, String)> {
    let template: TextTemplate = text.parse().map_err(|error: crate::domain::TemplateError| {
        (format!("has a crooked placeholder: {error}"), "a placeholder is an input's name in braces: `?city={city}`".to_owned())
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
    if has_userinfo(text) {
        let help = "send it as a header: `headers = { Authorization = { file = \"…\" } }`";
        return Err(("has a user or password in it".to_owned(), help.to_owned()));
    }
    let filled = template.fill(&crate::domain::Bindings::new(), str::to_owned);
    match Url::parse(&filled) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(template),
        Ok(_) => Err(("does not begin with https:// or http://".to_owned(), example)),
        Err(error) => Err((format!("is not a URL: {error}"), example)),
    }
}

/// `{ Accept = "application/json", Authorization = { file = "…" } }`.
fn read_headers(mut fields: Fields<'_>) -> Option<Vec<(String, Secret)>> {
    let entries = fields.take_rest();
    if entries.len() > MAX_HEADERS {
        let message = format!("`headers` has {} headers", entries.len());
        fields.sink.report(&fields.location, message, format!("{MAX_HEADERS} are the most"));
        return None;
    }
    let count = entries.len();
    let headers: Vec<_> = entries.into_iter().filter_map(|entry| read_header(entry, &fields)).collect();
    (headers.len() == count).then_some(headers)
}

fn read_header(entry: ConfigEntry, fields: &Fields<'_>) -> Option<(String, Secret)> {
    let sink = fields.sink;
    if HeaderName::from_bytes(entry.key.as_bytes()).is_err() {
        let help = "a header's name has letters, digits and hyphens: `Authorization`";
        sink.report(&entry.key_location, format!("a header cannot be called {}", quote(&entry.key)), help);
        return None;
    }
    let location = entry.node.location.clone();
    let value = read_header_value(&entry.key, entry.node, fields)?;
    if HeaderValue::from_str(value.expose()).is_err() {
        let message = format!("the value of `{}` cannot be sent as a header", entry.key);
        sink.report(&location, message, "write one line of ASCII, without control characters");
        return None;
    }
    Some((entry.key, value))
}

fn read_header_value(name: &str, node: ConfigNode, fields: &Fields<'_>) -> Option<Secret> {
    let node = node.parse_env_toml(fields.sink)?;
    if !matches!(node.value, ConfigValue::Table(_)) {
        return node.into_string(name, fields.sink).map(|text| Secret::new(text.value));
    }
    let mut table = node.into_table(name, fields.sink)?;
    table.require("file", "name the file that holds the value: `{ file = \"/run/credentials/belvedere/stock\" }`");
    let file = path(&mut table, "file");
    let value = file.and_then(|file| read_secret_file(&table, &file));
    table.finish();
    value.map(|value| Secret::new(value.to_string()))
}
