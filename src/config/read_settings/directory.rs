use std::time::Duration;

use indexmap::IndexMap;

use super::super::directory_settings::{
    AdditionalDirectory, DirectoryKind, DirectoryServers, DirectorySettings, ServiceAccount,
};
use super::super::filter_template::{FilterTemplate, InvalidFilter};
use super::super::hints::quote;
use super::super::reader::Fields;
use super::super::tree::ConfigEntry;
use super::files::{ca_file, secret};
use super::mail;
use super::servers::{read_dns, read_servers};
use crate::domain::{DirectoryName, Dn, Password};

/// The shortest timeout: nothing over a network is sure to be quicker.
const MIN_TIMEOUT: Duration = Duration::from_millis(100);

/// The longest timeout: somebody is waiting before the sign-in form.
const MAX_TIMEOUT: Duration = Duration::from_mins(1);

/// The longest `password_warning`: a year. Whoever wants to be told earlier changes their password now.
const MAX_WARNING: Duration = Duration::from_hours(365 * 24);

/// The most connections of a pool: well below what a domain controller takes from one client.
const MAX_CONNECTIONS: i64 = 256;

const KINDS: [(&str, DirectoryKind); 2] = [("active-directory", DirectoryKind::ActiveDirectory), ("ldap", DirectoryKind::Ldap)];

/// Reads `[directory]`.
pub(super) fn read_directory(mut fields: Fields<'_>) -> Option<DirectorySettings> {
    let settings = read_directory_table(&mut fields);
    fields.finish();
    settings
}

/// Reads `[directories.…]`, in the order written.
pub(super) fn read_directories(mut fields: Fields<'_>) -> Option<IndexMap<DirectoryName, AdditionalDirectory>> {
    let entries = fields.take_rest();
    let count = entries.len();
    let mut taken = Vec::new();
    let additional: IndexMap<_, _> =
        entries.into_iter().filter_map(|entry| read_additional(entry, &fields, &mut taken)).collect();
    (additional.len() == count).then_some(additional)
}

fn read_additional(
    entry: ConfigEntry,
    fields: &Fields<'_>,
    taken: &mut Vec<String>,
) -> Option<(DirectoryName, AdditionalDirectory)> {
    let sink = fields.sink;
    let name = entry.key.parse::<DirectoryName>().map_err(|error| {
        let message = format!("a directory cannot be called {}", quote(&entry.key));
        sink.report(&entry.key_location, message, error.to_string());
    });
    if name.as_ref().is_ok_and(DirectoryName::is_local) {
        let help = "give it another name; pages write `local\\admins` for the groups of local accounts";
        sink.report(&entry.key_location, "`local` stands for the program's own accounts", help);
        return None;
    }
    let mut table = entry.node.into_table(&entry.key, sink)?;
    table.require("domains", "say whose sign-ins go there: `domains = [\"BRAND\", \"brand.example\"]`");
    let domains = table.strings("domains");
    let settings = read_directory_table(&mut table);
    table.finish();
    let domains = domains?;
    if domains.value.is_empty() {
        let help = "name at least one: a sign-in goes to one directory, chosen by what stands before `\\` or behind `@`";
        sink.report(&domains.location, "`domains` is empty, so nobody would ever sign in there", help);
        return None;
    }
    for domain in &domains.value {
        let lowercase = domain.value.to_lowercase();
        if lowercase == DirectoryName::LOCAL {
            let message = format!("{} stands for the program's own accounts", quote(&domain.value));
            sink.report(&domain.location, message, "take it out: `local\\name` always signs in with a local account");
            return None;
        }
        if taken.contains(&lowercase) {
            let message = format!("{} stands for two directories", quote(&domain.value));
            sink.report(&domain.location, message, "a sign-in goes to one directory: take one out");
            return None;
        }
        taken.push(lowercase);
    }
    let domains = domains.value.into_iter().map(|domain| domain.value).collect();
    Some((name.ok()?, AdditionalDirectory { domains, settings: settings? }))
}

fn read_directory_table(fields: &mut Fields<'_>) -> Option<DirectorySettings> {
    let sink = fields.sink;
    let defaults = DirectorySettings::with_servers(DirectoryServers::Listed(Vec::new()));
    let site = fields.optional("site", None, |fields, key| fields.located_string(key).map(Some));
    let servers = site.and_then(|site| read_servers(fields, site));
    let dns = fields.optional("dns", Some(Vec::new()), |fields, key| fields.strings(key).map(|dns| read_dns(dns.value, sink)));
    let start_tls = fields.optional("start_tls", false, Fields::boolean);
    let ca_file = ca_file(fields);
    let allow_plaintext = fields.optional("allow_plaintext", false, Fields::boolean);
    let account = read_account(fields);
    let kind = fields.optional("kind", None, |fields, key| fields.enumeration(key, &KINDS).map(|kind| Some(kind.value)));
    let base_dn =
        fields.optional("base_dn", None, |fields, key| fields.parsed::<Dn>(key).map(|dn| Some(dn.value.as_str().to_owned())));
    let person_filter = read_filter(fields, "person_filter", &["username"]);
    let group_filter = read_filter(fields, "group_filter", &["dn", "username"]);
    let mail_location = fields.key_location("sign_in_by_mail");
    let sign_in_by_mail = fields.optional("sign_in_by_mail", false, Fields::boolean);
    let password_change = fields.optional("password_change", defaults.password_change, Fields::boolean);
    let password_warning = fields.optional("password_warning", defaults.password_warning, |fields, key| {
        fields.duration(key, Duration::ZERO..=MAX_WARNING).map(|warning| warning.value)
    });
    let connections = fields.optional("connections", defaults.connections, |fields, key| {
        fields.integer(key, 1..=MAX_CONNECTIONS).and_then(|count| usize::try_from(count).ok())
    });
    let dial_timeout = read_timeout(fields, "dial_timeout", defaults.dial_timeout);
    let operation_timeout = read_timeout(fields, "operation_timeout", defaults.operation_timeout);

    let (servers, start_tls, allow_plaintext) = (servers?, start_tls?, allow_plaintext?);
    if !start_tls && !allow_plaintext {
        servers.reject_plaintext(sink);
    }
    let settings = DirectorySettings {
        servers: servers.into_servers(),
        dns: dns??,
        start_tls,
        ca_file: ca_file?,
        allow_plaintext,
        service_account: account?,
        kind: kind?,
        base_dn: base_dn?,
        person_filter: person_filter?,
        group_filter: group_filter?,
        sign_in_by_mail: sign_in_by_mail?,
        password_change: password_change?,
        password_warning: password_warning?,
        connections: connections?,
        dial_timeout: dial_timeout?,
        operation_timeout: operation_timeout?,
    };
    mail::check(&settings, mail_location.as_ref(), sink).then_some(settings)
}

/// The account that searches: its name and its password, or neither.
#[expect(clippy::option_option, reason = "wrong, absent and present are three different answers")]
fn read_account(fields: &mut Fields<'_>) -> Option<Option<ServiceAccount>> {
    let name = fields.optional("bind_name", None, |fields, key| fields.located_string(key).map(Some));
    let password = secret(fields, "bind_password", "bind_password_file");
    match (name?, password?) {
        (None, None) => Some(None),
        (Some(name), Some(password)) => match Password::parse(password.value.to_string()) {
            Ok(valid) => Some(Some(ServiceAccount { name: name.value, password: valid })),
            Err(error) => {
                fields.sink.report(&password.location, error.to_string(), "write the password of the account `bind_name`");
                None
            }
        },
        (Some(name), None) => {
            let help = "add `bind_password_file = \"…\"`, or take `bind_name` out: then people search as themselves";
            fields.sink.report(&name.location, "`bind_name` has no password", help);
            None
        }
        (None, Some(password)) => {
            let help = "add `bind_name = \"svc-belvedere@corp.example.com\"`, or take the password out";
            fields.sink.report(&password.location, "there is a password, but no `bind_name` that it belongs to", help);
            None
        }
    }
}

fn read_timeout(fields: &mut Fields<'_>, key: &'static str, default: Duration) -> Option<Duration> {
    fields.optional(key, default, |fields, key| fields.duration(key, MIN_TIMEOUT..=MAX_TIMEOUT).map(|timeout| timeout.value))
}

/// An LDAP filter (RFC 4515) in which at least one of `placeholders` stands, and no other.
#[expect(clippy::option_option, reason = "wrong, absent and present are three different answers")]
fn read_filter(fields: &mut Fields<'_>, key: &'static str, placeholders: &[&str]) -> Option<Option<FilterTemplate>> {
    fields.optional(key, None, |fields, key| {
        let text = fields.located_string(key)?;
        match parse_filter(text.value.trim(), placeholders) {
            Ok(filter) => Some(Some(filter)),
            Err((message, help)) => {
                fields.sink.report(&text.location, format!("`{key}` {message}"), help);
                None
            }
        }
    })
}

fn parse_filter(filter: &str, placeholders: &[&str]) -> Result<FilterTemplate, (String, String)> {
    let list = placeholders.iter().map(|name| format!("`{{{name}}}`")).collect::<Vec<_>>().join(" or ");
    let example = format!("as in `(&(objectClass=*)(name={{{}}}))`", placeholders[0]);
    let mut found = false;
    for piece in filter.split('{').skip(1) {
        let name = piece.split('}').next().unwrap_or_default();
        if !placeholders.contains(&name) {
            let message = format!("has the unknown placeholder {}", quote(&format!("{{{name}}}")));
            return Err((message, format!("write {list}, {example}")));
        }
        found = true;
    }
    if !found {
        return Err((format!("has no {list}, so it would find the same whoever signs in"), format!("put one in, {example}")));
    }
    filter.parse().map_err(|invalid: InvalidFilter| {
        let help = "write one filter in round brackets, each closed again: `(&(objectClass=person)(uid={username}))`";
        (format!("is {invalid}"), help.to_owned())
    })
}
