use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use url::Url;

use crate::config::{
    ConfigEntry, ConfigNode, ConfigValue, Fields, Setting, SettingRow, ca_file, duration, quote, tls_fingerprint,
};
use crate::domain::CertificateFingerprint;

const TARGETS: &str = "targets";
const TIMEOUT: &str = "timeout";
const CERTIFICATE_WARNING: &str = "certificate_warning";

/// The port of `tls://` where none is written: that of HTTPS.
const TLS_PORT: u16 = 443;

/// The longest name of a target: it is a label on a panel.
const MAX_NAME_CHARS: usize = 64;

/// The table of a probe source.
#[derive(Debug)]
pub(super) struct ProbeSettings {
    /// The targets by name, in the order written.
    pub(super) targets: IndexMap<String, TargetSettings>,
    /// How long a target may take to answer.
    pub(super) timeout: Duration,
    /// How long before a certificate ends its target is in the state warn.
    pub(super) certificate_warning: Duration,
}

/// A target, and what it should answer.
#[derive(Debug)]
pub(super) struct TargetSettings {
    pub(super) address: TargetAddress,
    /// The right status codes of HTTP; 200 to 399 where there are none.
    pub(super) status: Vec<u16>,
    /// What should be in the body.
    pub(super) words: Option<String>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) tls_fingerprint: Vec<CertificateFingerprint>,
}

/// How a target is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TargetAddress {
    /// It answers a GET.
    Http(Url),
    /// It accepts connections: a host and a port.
    Tcp(String, u16),
    /// It shows a certificate.
    Tls(String, u16),
    /// The name has an address.
    Dns(String),
    /// It answers a ping.
    Icmp(String),
}

impl ProbeSettings {
    /// Reads the keys out of a source's table, and reports what is wrong with them.
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let targets = targets().take_from(fields, TARGETS);
        let timeout = timeout().take_from(fields, TIMEOUT);
        let certificate_warning = certificate_warning().take_from(fields, CERTIFICATE_WARNING);
        Some(Self { targets: targets?, timeout: timeout?, certificate_warning: certificate_warning? })
    }

    /// The reference of the keys.
    pub(super) fn rows() -> Vec<SettingRow> {
        let about =
            "What is tried, by name: a URL, or a table with `url` and any of `status`, `words`, `ca_file`, `tls_fingerprint`.";
        [
            targets().into_rows(TARGETS, about),
            timeout().into_rows(TIMEOUT, "How long a target may take to answer."),
            certificate_warning()
                .into_rows(CERTIFICATE_WARNING, "How long before its certificate ends a target is in the state warn."),
        ]
        .concat()
    }
}

fn targets() -> Setting<IndexMap<String, TargetSettings>> {
    Setting::new(IndexMap::new(), "required", "table", read_targets)
        .always_read()
        .such_as("{ portal = \"https://portal.corp.example.com/\", db = \"tcp://db.corp.example.com:5432\" }")
}

fn timeout() -> Setting<Duration> {
    duration(Duration::from_secs(5), Duration::from_millis(100)..=Duration::from_mins(1))
}

/// Time to get another one through a company's channels.
fn certificate_warning() -> Setting<Duration> {
    const DAY: Duration = Duration::from_hours(24);
    duration(14 * DAY, Duration::ZERO..=366 * DAY)
}

fn read_targets(fields: &mut Fields<'_>, key: &'static str) -> Option<IndexMap<String, TargetSettings>> {
    let example = "name what is tried: `targets = { portal = \"https://portal.corp.example.com/\" }`";
    fields.require(key, example);
    let mut table = fields.table(key)?;
    let location = table.location.clone();
    let entries = table.take_rest();
    if entries.is_empty() {
        fields.sink.report(&location, "`targets` names nothing", example);
        return None;
    }
    let count = entries.len();
    let targets: IndexMap<_, _> = entries.into_iter().filter_map(|entry| read_target(entry, fields)).collect();
    (targets.len() == count).then_some(targets)
}

fn read_target(entry: ConfigEntry, fields: &Fields<'_>) -> Option<(String, TargetSettings)> {
    let ConfigEntry { key: name, key_location, node, .. } = entry;
    let is_name = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.chars().count() > MAX_NAME_CHARS || !name.chars().all(is_name) {
        let help = "a name is one word of letters, digits, `-`, `_` and `.`, as a query has it";
        fields.sink.report(&key_location, format!("a target cannot be called {}", quote(&name)), help);
        return None;
    }
    let node = node.parse_env_toml(fields.sink)?;
    let target = if matches!(node.value, ConfigValue::Table(_)) {
        read_target_table(node.into_table(&name, fields.sink)?)?
    } else {
        let url = node.into_string(&name, fields.sink)?;
        let address =
            read_address(&url.value).map_err(|(message, help)| fields.sink.report(&url.location, message, help)).ok()?;
        TargetSettings { address, status: Vec::new(), words: None, ca_file: None, tls_fingerprint: Vec::new() }
    };
    Some((name, target))
}

fn read_target_table(mut table: Fields<'_>) -> Option<TargetSettings> {
    table.require("url", "say what is tried: `url = \"https://portal.corp.example.com/\"`");
    let address = table.located_string("url").and_then(|url| {
        read_address(&url.value).map_err(|(message, help)| table.sink.report(&url.location, message, help)).ok()
    });
    let status = table.optional("status", Vec::new(), read_status);
    let words = table.optional("words", None, |fields, key| fields.string(key).map(Some));
    let ca_file = ca_file().take_from(&mut table, "ca_file");
    let tls_fingerprint = tls_fingerprint().take_from(&mut table, "tls_fingerprint");
    if !matches!(address, Some(TargetAddress::Http(_)) | None) {
        for key in ["status", "words"] {
            if let Some(location) = table.key_location(key) {
                table.sink.report(
                    &location,
                    format!("`{key}` is of HTTP, and this is not"),
                    "leave it out, or try an http:// URL",
                );
                return None;
            }
        }
    }
    table.finish();
    Some(TargetSettings {
        address: address?,
        status: status?,
        words: words?,
        ca_file: ca_file?,
        tls_fingerprint: tls_fingerprint?,
    })
}

fn read_status(fields: &mut Fields<'_>, key: &'static str) -> Option<Vec<u16>> {
    let codes = fields.array(key)?;
    let count = codes.value.len();
    let code = |node: ConfigNode| u16::try_from(node.into_integer(key, 100..=599, fields.sink)?).ok();
    let codes: Vec<u16> = codes.value.into_iter().filter_map(code).collect();
    (codes.len() == count).then_some(codes)
}

/// Reads a target's URL.
///
/// # Errors
/// What is wrong with it, and the remedy. The URL may have a key in it, and is not quoted.
fn read_address(text: &str) -> Result<TargetAddress, (String, &'static str)> {
    let example = "write it like `https://host/`, `tcp://host:5432`, `tls://host:443`, `dns://host` or `icmp://host`";
    let url = Url::parse(text).map_err(|fault| (format!("the target is not a URL: {fault}"), example))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(("the target's URL has a user or password in it".to_owned(), "a probe signs in nowhere: leave them out"));
    }
    let host = url.host_str().filter(|host| !host.is_empty());
    let host = host.ok_or_else(|| ("the target's URL has no host".to_owned(), example))?.trim_matches(['[', ']']).to_owned();
    let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    let bare = |address: TargetAddress, with_port: bool| match (is_bare, url.port()) {
        (true, None) => Ok(address),
        (true, Some(_)) if with_port => Ok(address),
        _ => Err(("the target's URL says more than is tried".to_owned(), example)),
    };
    match (url.scheme(), url.port()) {
        ("http" | "https", _) => Ok(TargetAddress::Http(url)),
        ("tcp", Some(port)) => bare(TargetAddress::Tcp(host, port), true),
        ("tcp", None) => Err(("the target's URL has no port".to_owned(), example)),
        ("tls", port) => bare(TargetAddress::Tls(host, port.unwrap_or(TLS_PORT)), true),
        ("dns", _) => bare(TargetAddress::Dns(host), false),
        ("icmp", _) => bare(TargetAddress::Icmp(host), false),
        _ => Err(("the target's URL begins with none of the words for what can be tried".to_owned(), example)),
    }
}
