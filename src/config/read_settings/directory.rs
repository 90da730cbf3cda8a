use std::time::Duration;

use super::super::reader::{Fields, Ledger, Placed};
use super::super::settings::{DirectoryKind, DirectorySettings, Scheme, ServerAddress, ServiceAccount};
use super::super::tree::{Node, Value};
use super::super::words::shown;
use super::files::{ca_file, secret};
use super::server_address::{is_loopback, read_server_address};
use crate::domain::{Dn, Password};

/// Name look-up, TCP and TLS on a slow line; a dead server must not hold up a sign-in for longer.
const DEFAULT_DIAL_TIMEOUT: Duration = Duration::from_secs(2);

/// A search in a large domain, with room to spare; beyond this people take it for broken.
const DEFAULT_OPERATION_TIMEOUT: Duration = Duration::from_secs(5);

/// Nothing over a network is sure to be quicker.
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(100);

/// Somebody is waiting before the sign-in form.
const LONGEST_TIMEOUT: Duration = Duration::from_mins(1);

/// Each may cost a dial time-out before the next is tried.
const MOST_SERVERS: usize = 16;

const KINDS: [(&str, DirectoryKind); 2] =
    [("active-directory", DirectoryKind::ActiveDirectory), ("ldap", DirectoryKind::Ldap)];

/// `[directory]`.
pub(super) fn read_directory(mut fields: Fields<'_>) -> Option<DirectorySettings> {
    let ledger = fields.ledger;
    let url = read_urls(&mut fields);
    let start_tls = fields.or("start_tls", false, Fields::truth);
    let ca_file = ca_file(&mut fields);
    let allow_plaintext = fields.or("allow_plaintext", false, Fields::truth);
    let account = read_account(&mut fields);
    let kind = fields.or("kind", None, |fields, key| fields.word(key, &KINDS).map(|kind| Some(kind.value)));
    let base_dn =
        fields.or("base_dn", None, |fields, key| fields.parsed::<Dn>(key).map(|dn| Some(dn.value.as_str().to_owned())));
    let person_filter = read_filter(&mut fields, "person_filter", &["username"]);
    let group_filter = read_filter(&mut fields, "group_filter", &["dn", "username"]);
    let dial_timeout = read_timeout(&mut fields, "dial_timeout", DEFAULT_DIAL_TIMEOUT);
    let operation_timeout = read_timeout(&mut fields, "operation_timeout", DEFAULT_OPERATION_TIMEOUT);
    fields.finish();

    let (servers, start_tls, allow_plaintext) = (url?, start_tls?, allow_plaintext?);
    if !start_tls && !allow_plaintext {
        for server in &servers {
            refuse_plaintext(server, ledger);
        }
    }
    Some(DirectorySettings {
        servers: servers.into_iter().map(|server| server.value).collect(),
        start_tls,
        ca_file: ca_file?,
        allow_plaintext,
        service_account: account?,
        kind: kind?,
        base_dn: base_dn?,
        person_filter: person_filter?,
        group_filter: group_filter?,
        dial_timeout: dial_timeout?,
        operation_timeout: operation_timeout?,
    })
}

/// One URL or a list of them, in the order they are tried.
fn read_urls(fields: &mut Fields<'_>) -> Option<Vec<Placed<ServerAddress>>> {
    let ledger = fields.ledger;
    let Some(node) = fields.take("url") else {
        ledger.note(
            &fields.place,
            "no directory is set, so nobody could sign in",
            "set `url = \"ldaps://dc1.corp.example.com\"` beneath [default.directory], or the variable \
             BELVEDERE_DIRECTORY__URL; to look around without a directory, run `belvedere demo`",
        );
        return None;
    };
    let place = node.place.clone();
    let written = match node.opened(ledger)? {
        list @ Node { value: Value::List(_), .. } => list
            .list("url", ledger)?
            .value
            .into_iter()
            .map(|item| item.text("url", ledger))
            .collect::<Option<Vec<_>>>()?,
        one => vec![one.text("url", ledger)?],
    };
    if written.is_empty() || written.len() > MOST_SERVERS {
        let message = format!("`url` has {} servers", written.len());
        ledger.note(&place, message, format!("write 1 to {MOST_SERVERS}: `url = \"ldaps://dc1.corp.example.com\"`"));
        return None;
    }
    let mut servers: Vec<Placed<ServerAddress>> = Vec::new();
    let mut sound = true;
    for text in written {
        match read_server_address(&text.value) {
            Ok(server) if servers.iter().any(|earlier| earlier.value == server) => {
                ledger.note(&text.place, format!("{server} stands twice"), "a server is tried once: take one out");
                sound = false;
            }
            Ok(value) => servers.push(Placed { value, place: text.place }),
            Err((message, help)) => {
                ledger.note(&text.place, message, help);
                sound = false;
            }
        }
    }
    sound.then_some(servers)
}

/// Passwords do not cross a network unencrypted, unless somebody insists.
fn refuse_plaintext(server: &Placed<ServerAddress>, ledger: &Ledger) {
    if server.value.scheme == Scheme::Ldap && !is_loopback(&server.value) {
        ledger.note(
            &server.place,
            format!("passwords would cross the network unencrypted to {}", server.value),
            format!(
                "write `ldaps://{}`, or add `start_tls = true`; `allow_plaintext = true` insists",
                server.value.host
            ),
        );
    }
}

/// The account that searches: its name and its password, or neither.
#[expect(clippy::option_option, reason = "wrong, absent and present are three different answers")]
fn read_account(fields: &mut Fields<'_>) -> Option<Option<ServiceAccount>> {
    let name = fields.or("bind_name", None, |fields, key| fields.placed_text(key).map(Some));
    let password = secret(fields, "bind_password", "bind_password_file");
    match (name?, password?) {
        (None, None) => Some(None),
        (Some(name), Some(password)) => match Password::parse(password.value.to_string()) {
            Ok(sound) => Some(Some(ServiceAccount { name: name.value, password: sound })),
            Err(error) => {
                fields.ledger.note(&password.place, error.to_string(), "write the password of the account `bind_name`");
                None
            }
        },
        (Some(name), None) => {
            let help = "add `bind_password_file = \"…\"`, or take `bind_name` out: then people search as themselves";
            fields.ledger.note(&name.place, "`bind_name` has no password", help);
            None
        }
        (None, Some(password)) => {
            let help = "add `bind_name = \"svc-belvedere@corp.example.com\"`, or take the password out";
            fields.ledger.note(&password.place, "there is a password, but no `bind_name` that it belongs to", help);
            None
        }
    }
}

fn read_timeout(fields: &mut Fields<'_>, key: &'static str, default: Duration) -> Option<Duration> {
    fields.or(key, default, |fields, key| {
        fields.duration(key, SHORTEST_TIMEOUT..=LONGEST_TIMEOUT).map(|timeout| timeout.value)
    })
}

/// An LDAP filter (RFC 4515) in which at least one of `placeholders` stands, and no other.
#[expect(clippy::option_option, reason = "wrong, absent and present are three different answers")]
fn read_filter(fields: &mut Fields<'_>, key: &'static str, placeholders: &[&str]) -> Option<Option<String>> {
    fields.or(key, None, |fields, key| {
        let text = fields.placed_text(key)?;
        match check_filter(text.value.trim(), placeholders) {
            Ok(()) => Some(Some(text.value.trim().to_owned())),
            Err((message, help)) => {
                fields.ledger.note(&text.place, format!("`{key}` {message}"), help);
                None
            }
        }
    })
}

fn check_filter(filter: &str, placeholders: &[&str]) -> Result<(), (String, String)> {
    let list = placeholders.iter().map(|name| format!("`{{{name}}}`")).collect::<Vec<_>>().join(" or ");
    let example = format!("as in `(&(objectClass=*)(name={{{}}}))`", placeholders[0]);
    let mut found = false;
    for piece in filter.split('{').skip(1) {
        let name = piece.split('}').next().unwrap_or_default();
        if !placeholders.contains(&name) {
            let message = format!("has the unknown placeholder {}", shown(&format!("{{{name}}}")));
            return Err((message, format!("write {list}, {example}")));
        }
        found = true;
    }
    if !found {
        return Err((
            format!("has no {list}, so it would find the same whoever signs in"),
            format!("put one in, {example}"),
        ));
    }
    if !is_one_balanced(filter) {
        let help = "write one filter in round brackets, each closed again: `(&(objectClass=person)(uid={username}))`";
        return Err(("is not balanced in its brackets".to_owned(), help.to_owned()));
    }
    Ok(())
}

/// Whether the text is exactly one pair of brackets with balanced ones inside. Brackets in values are written `\28` and
/// `\29` (RFC 4515, 3), so every bracket counts.
fn is_one_balanced(filter: &str) -> bool {
    let mut depth = 0_u32;
    let mut rest = filter.chars();
    while let Some(c) = rest.next() {
        match c {
            '(' => depth += 1,
            ')' if depth == 1 => return rest.as_str().is_empty(),
            ')' if depth > 1 => depth -= 1,
            _ if depth == 0 => return false,
            _ => {}
        }
    }
    false
}
