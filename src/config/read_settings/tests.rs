#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rocket::figment::Figment;
use rocket::figment::providers::{Format, Toml};

use super::super::diagnostic::Diagnostics;
use super::super::directory_settings::{DirectoryKind, LdapScheme};
use super::super::environment::Environment;
use super::{LogFormat, Settings, SiteTheme};

/// A folder with settings, and an environment of its own.
struct Folder {
    folder: tempfile::TempDir,
    variables: Vec<(OsString, OsString)>,
}

impl Folder {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    /// With this `Rocket.toml`.
    fn with(text: &str) -> Self {
        Self::new().file("Rocket.toml", text)
    }

    fn file(self, name: &str, text: &str) -> Self {
        std::fs::write(self.path(name), text).unwrap();
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read_as(&self, profile: &str) -> Result<Settings, Diagnostics> {
        let figment = Figment::from(rocket::Config::default())
            .merge(Toml::file_exact(self.path("Rocket.toml")).nested())
            .merge(Environment::new(self.variables.clone()))
            .select(profile);
        Settings::from_figment(&figment)
    }

    fn read(&self) -> Result<Settings, Diagnostics> {
        self.read_as("debug")
    }

    /// The one diagnostic, as `location | message | help`, with this folder's own path left out.
    fn diagnostic(&self) -> String {
        let diagnostics = self.read().expect_err("there is a fault");
        assert_eq!(diagnostics.len(), 1, "{diagnostics}");
        let diagnostic = diagnostics.iter().next().unwrap();
        let line = format!("{} | {} | {}", diagnostic.location, diagnostic.message, diagnostic.help);
        line.replace(&format!("{}/", self.folder.path().display()), "")
    }
}

const URL: &str = "[default.directory]\nurl = \"ldaps://dc1.corp.example.com\"\n";

#[track_caller]
fn expect(folder: &Folder, location: &str, message: &str, help: &str) {
    let line = folder.diagnostic();
    let parts: Vec<_> = line.split(" | ").collect();
    assert_eq!(parts[0], location, "{line}");
    assert!(parts[1].contains(message), "{line}");
    assert!(parts[2].contains(help), "{line}");
}

#[test]
fn the_url_alone_is_enough_and_the_rest_has_defaults() {
    let figment = Figment::from(rocket::Config::default()).merge(("directory.url", "ldaps://dc1"));
    let settings = Settings::from_figment(&figment).unwrap();
    assert_eq!((settings.pages, settings.state), (PathBuf::from("pages"), PathBuf::from("state")));
    assert_eq!(settings.directory.servers.listed()[0].to_string(), "ldaps://dc1:636");
    assert_eq!(settings.directory.dial_timeout, Duration::from_secs(2));
    assert_eq!(settings.directory.operation_timeout, Duration::from_secs(5));
    assert!(settings.directory.service_account.is_none() && settings.directory.kind.is_none());
    assert_eq!(settings.sessions.idle, Duration::from_hours(12));
    assert_eq!(settings.sessions.absolute, Duration::from_hours(168));
    assert_eq!((settings.live.ring, settings.live.heartbeat), (256, Duration::from_secs(25)));
    assert_eq!((settings.site.name.as_str(), settings.log.format), ("Belvedere", LogFormat::Auto));
    assert!(settings.overlay.is_none());
}

#[test]
fn every_setting_is_read_as_meant() {
    let folder = Folder::with(
        r#"
[default]
pages = "boards"
state = "/var/lib/belvedere"
overlay = "mine"
admins = { groups = ["dash-admins"], users = ["alice"] }
[default.site]
name = "Boards"
contact = "it@corp.example.com"
public_url = "https://boards.corp.example.com"
trusted_proxies = ["10.0.0.0/8", "::1"]
theme = { hue = 30, accent_hue = 200, saturation = 5 }
[default.directory]
url = ["ldap://dc1", "ldaps://[2001:db8::5]:3269"]
start_tls = true
ca_file = "ca.pem"
bind_name = "CORP\\svc"
bind_password = "hunter2"
kind = "ldap"
base_dn = "dc=corp,dc=example,dc=com"
person_filter = "(&(objectClass=person)(|(uid={username})(mail={username})))"
group_filter = "(|(member={dn})(memberUid={username}))"
dial_timeout = "500ms"
operation_timeout = "20s"
[default.sessions]
idle = "30m"
absolute = "1d"
[default.live]
heartbeat = "10s"
batch_interval = "50ms"
ring = 16
grace = "0s"
[default.connections]
most = 2000
per_address = 64
head_timeout = "5s"
idle_timeout = "2m"
body_timeout = "30s"
[default.log]
format = "json"
filter = "debug"
"#,
    )
    .file("ca.pem", &certificate());
    let settings = folder.read().unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    let debug = format!("{settings:?}");
    assert!(!debug.contains("hunter2"), "{debug}");
    assert_eq!(settings.pages, folder.path("boards"));
    assert_eq!(settings.state, Path::new("/var/lib/belvedere"));
    assert_eq!(settings.overlay, Some(folder.path("mine")));
    assert_eq!((settings.admins.groups.len(), settings.admins.users.len()), (1, 1));
    assert_eq!(settings.site.theme, SiteTheme { hue: 30, accent_hue: 200, saturation: 5 });
    assert_eq!(settings.site.public_url.unwrap().as_str(), "https://boards.corp.example.com/");
    let proxies = &settings.site.trusted_proxies;
    assert!(["10.1.2.3", "::1"].iter().all(|address| proxies.contains(address.parse().unwrap())));
    assert!(["11.0.0.1", "::2"].iter().all(|address| !proxies.contains(address.parse().unwrap())));
    assert_eq!((settings.connections.most, settings.connections.per_address), (2000, 64));
    let limits = [settings.connections.head_timeout, settings.connections.idle_timeout, settings.connections.body_timeout];
    assert_eq!(limits, [5, 120, 30].map(Duration::from_secs));
    let directory = &settings.directory;
    assert_eq!((directory.servers.listed()[0].scheme, directory.servers.listed()[0].port), (LdapScheme::Ldap, 389));
    assert_eq!((directory.servers.listed()[1].host.as_str(), directory.servers.listed()[1].port), ("2001:db8::5", 3269));
    assert_eq!(directory.ca_file, Some(folder.path("ca.pem")));
    let account = directory.service_account.as_ref().unwrap();
    assert_eq!((account.name.as_str(), account.password.expose()), ("CORP\\svc", "hunter2"));
    assert_eq!((directory.kind, directory.base_dn.as_deref()), (Some(DirectoryKind::Ldap), Some("dc=corp,dc=example,dc=com")));
    assert_eq!((settings.sessions.idle, settings.live.grace), (Duration::from_mins(30), Duration::ZERO));
    assert_eq!((settings.log.format, settings.log.filter.as_str()), (LogFormat::Json, "debug"));
}

#[test]
fn the_selected_profile_overrides_the_default_one() {
    let folder = Folder::with(
        "[default.directory]\nurl = \"ldaps://dc1\"\ndial_timeout = \"3s\"\n\
         [release.directory]\nurl = \"ldaps://dc2\"\n[staging.sessions]\nidle = \"5 years\"\n",
    );
    let release = folder.read_as("release").unwrap();
    assert_eq!(
        (release.directory.servers.listed()[0].host.as_str(), release.directory.dial_timeout),
        ("dc2", Duration::from_secs(3))
    );
    assert_eq!(folder.read_as("debug").unwrap().directory.servers.listed()[0].host, "dc1");
    let diagnostics = folder.read_as("staging").unwrap_err();
    assert!(diagnostics.to_string().contains("Rocket.toml:7:8"), "{diagnostics}");
}

#[test]
fn the_environment_overrides_the_file() {
    let settings = Folder::with(URL)
        .variable("BELVEDERE_DIRECTORY__URL", "[\"ldaps://a\", \"ldaps://b\"]")
        .variable("BELVEDERE_DIRECTORY__BIND_NAME", "svc")
        .variable("BELVEDERE_DIRECTORY__BIND_PASSWORD", "0123")
        .variable("BELVEDERE_PAGES", "elsewhere")
        .variable("BELVEDERE_LIVE__RING", "64")
        .variable("BELVEDERE_DIRECTORY__START_TLS", "true")
        .variable("BELVEDERE_SITE__THEME", "{ hue = 5 }")
        .variable("BELVEDERE_ADMINS__USERS", "[\"alice\"]")
        .variable("BELVEDERE_SITE__NAME", "[1] Boards, \"quoted\"")
        .read()
        .unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    assert_eq!(settings.directory.servers.listed().len(), 2);
    assert_eq!(settings.directory.service_account.unwrap().password.expose(), "0123");
    assert_eq!((settings.pages, settings.live.ring), (PathBuf::from("elsewhere"), 64));
    assert!(settings.directory.start_tls);
    assert_eq!((settings.site.theme.hue, settings.admins.users.len()), (5, 1));
    assert_eq!(settings.site.name, "[1] Boards, \"quoted\"");
}

/// Texts with a placeholder that are no LDAP filters.
const NO_FILTERS: [&str; 6] =
    ["(uid={username}", "uid={username}", "(a={username}))", "(a={username})(b=c)", ")(={username}", "(&(a)(b={username}))"];

#[test]
fn diagnostics_of_the_file_have_location_and_help() {
    let after_url = |text: &str| Folder::with(&format!("{URL}{text}\n"));
    expect(&Folder::with(""), "Rocket.toml", "no directory is set", "`belvedere demo`");
    expect(
        &Folder::with("[default]\npages = \"p\"\n[default.directory]"),
        "Rocket.toml:3:1",
        "no directory",
        "BELVEDERE_DIRECTORY__URL",
    );
    expect(&after_url("start_tsl = true"), "Rocket.toml:3:1", "no key `start_tsl`", "did you mean `start_tls`?");
    expect(&Folder::with(&format!("[default]\npagse = \"x\"\n{URL}")), "Rocket.toml:2:1", "no key `pagse`", "`pages`?");
    let factors = |text: &str| after_url(&format!("[default.second_factor]\n{text}"));
    expect(&factors("required = 1"), "Rocket.toml:4:12", "must be `true` or `false`", "without quotes");
    expect(&factors("groups = [7]"), "Rocket.toml:4:11", "must be text", "");
    expect(&factors("remember = \"1s\""), "Rocket.toml:4:12", "less than 1m", "from 1m to 30d");
    expect(&after_url("[default.sesions]"), "Rocket.toml:3:10", "no key `sesions`", "`sessions`?");
    expect(&after_url("kind = \"ad\""), "Rocket.toml:3:8", "cannot be `ad`", "`active-directory`, `ldap`");
    expect(&after_url("dial_timeout = \"5m\""), "Rocket.toml:3:16", "more than 1m", "from 100ms to 1m");
    expect(&after_url("base_dn = \"corp\""), "Rocket.toml:3:11", "cannot be `corp`", "not a distinguished name");
    expect(&after_url("ca_file = \"none.pem\""), "Rocket.toml:3:11", "none.pem cannot be read", "correct the path");
    expect(&after_url("ca_file = \"ca\"").file("ca", "no pem"), "Rocket.toml:3:11", "no PEM certificate", "BEGIN CERTIFICATE");
    expect(&after_url("bind_name = \"svc\""), "Rocket.toml:3:13", "has no password", "bind_password_file");
    for ad in ["", "\nkind = \"active-directory\""] {
        let alone = after_url(&format!("sign_in_by_mail = true{ad}"));
        expect(&alone, "Rocket.toml:3:1", "`sign_in_by_mail` needs an account", "`bind_name`");
    }
    let own_filter = "sign_in_by_mail = true\nkind = \"ldap\"\nperson_filter = \"(uid={username})\"";
    expect(&after_url(own_filter), "Rocket.toml:3:1", "nothing beside a `person_filter`", "(mail={username})");
    expect(&after_url("bind_password = \"x\""), "Rocket.toml:3:17", "no `bind_name`", "bind_name =");
    expect(
        &after_url("bind_name = \"svc\"\nbind_password = \"x\"\nbind_password_file = \"pw\"").file("pw", "x"),
        "Rocket.toml:5:1",
        "`bind_password` and `bind_password_file` are both set",
        "keep one of them",
    );
    expect(
        &after_url("bind_name = \"svc\"\nbind_password_file = \"pw\"").file("pw", "\n"),
        "Rocket.toml:4:22",
        "pw is empty",
        "write the secret into it",
    );
    expect(&after_url("person_filter = \"(uid=alice)\""), "Rocket.toml:3:17", "has no `{username}`", "name={username}");
    expect(&after_url("person_filter = \"(uid={user})\""), "Rocket.toml:3:17", "unknown placeholder `{user}`", "{username}");
    for unbalanced in NO_FILTERS {
        expect(&after_url(&format!("person_filter = \"{unbalanced}\"")), "Rocket.toml:3:17", "not balanced", "closed again");
    }
    expect(&after_url("[default.sessions]\nidle = \"8d\""), "Rocket.toml:4:8", "longer than `absolute`", "shorter `idle`");
    expect(&after_url("[default.live]\nring = 1"), "Rocket.toml:4:8", "less than 2", "from 2 to 65536");
    expect(&after_url("[default.live]\nbus = \"valkey:6379\""), "Rocket.toml:4:7", "no address of a bus", "redis://host");
    let in_file = after_url("[default.live]\nbus_file = \"bus\"").file("bus", "redis://:hunter2@a:port");
    expect(&in_file, "Rocket.toml:4:12", "a port in it is no number", "redis://host");
    expect(&after_url("[default.log]\nfilter = \"a=loud\""), "Rocket.toml:4:10", "cannot be read", "info,belvedere=debug");
    expect(&after_url("[default.log]\nformat = \"jsn\""), "Rocket.toml:4:10", "cannot be `jsn`", "`json`?");
    expect(&after_url("[default.site]\npublic_url = \"boards\""), "Rocket.toml:4:14", "cannot be `boards`", "https://");
    for (proxies, message, help) in [
        ("\"proxy\"", "neither an address nor a network", "`[\"10.0.0.0/8\", \"::1\"]`"),
        ("\"10.0.0.0/33\"", "neither an address nor a network", "prefix"),
        ("\"10.0.0.5\", \"0.0.0.0/0\"", "which is everybody", "your proxies"),
        ("\"::/0\"", "which is everybody", "your proxies"),
    ] {
        let column = 20 + proxies.rfind(", \"").map_or(0, |at| at + 2);
        let folder = after_url(&format!("[default.site]\ntrusted_proxies = [{proxies}]"));
        expect(&folder, &format!("Rocket.toml:4:{column}"), message, help);
    }
    expect(&after_url("[default.connections]\nhead_timeout = \"0s\""), "Rocket.toml:4:16", "less than 1s", "from 1s to 1h");
    expect(&after_url("[default.connections]\nmost = 1"), "Rocket.toml:4:8", "less than 8", "from 8 to 1000000");
    expect(&after_url("[default.site]\ntheme = { hue = 360 }"), "Rocket.toml:4:17", "more than 359", "0 to 359");
    expect(&after_url("[default.admins]\ngroup = [\"a\"]"), "Rocket.toml:4:1", "no key `group`", "`groups`?");
}

#[test]
fn diagnostics_of_the_environment_name_the_variable() {
    let folder = |name: &str, value: &str| Folder::with(URL).variable(name, value);
    let location = |name: &str| format!("environment variable {name}");
    for (name, value, message, help) in [
        ("BELVEDERE_DIRECTORY__URL", "dc1", "is not a URL", "`ldaps://dc1`"),
        ("BELVEDERE_DIRECTORY__URL", "[\"ldaps://a\"", "not TOML", "[\"a\", \"b\"]"),
        ("BELVEDERE_DIRECTORY__ULR", "x", "no key `ulr`", "`url`?"),
        ("BELVEDERE_LIVE__RING", "many", "must be a whole number", "from 2 to 65536"),
        ("BELVEDERE_DIRECTORY__START_TLS", "yes", "`true` or `false`", "`true` or `false`"),
        ("BELVEDERE_PAGES", "", "is empty", "something"),
        ("BELVEDERE_SESSIONS", "short", "must be a table", "braces"),
    ] {
        expect(&folder(name, value), &location(name), message, help);
    }
    expect(
        &folder("BELVEDERE_LIVE", "{ ring = 5 }").variable("BELVEDERE_LIVE__GRACE", "5s"),
        "environment variable BELVEDERE_…",
        "set the same thing",
        "one variable",
    );
}

#[test]
fn without_any_file_the_diagnostic_says_how_to_begin() {
    let diagnostics = Settings::from_figment(&Figment::from(rocket::Config::default())).unwrap_err();
    let shown = diagnostics.to_string();
    assert!(shown.contains("setting directory") && shown.contains("BELVEDERE_DIRECTORY__URL"), "{shown}");
}

#[test]
fn passwords_do_not_cross_the_network_unencrypted() {
    let with = |text: &str| Folder::with(&format!("[default.directory]\n{text}\n"));
    expect(&with("url = \"ldap://dc1\""), "Rocket.toml:2:7", "unencrypted to ldap://dc1:389", "`ldaps://dc1`");
    expect(
        &with("url = [\"ldaps://dc1\", \"ldap://dc2\"]"),
        "Rocket.toml:2:23",
        "unencrypted to ldap://dc2",
        "start_tls = true",
    );
    for allowed in [
        "url = \"ldap://dc1\"\nstart_tls = true",
        "url = \"ldap://dc1\"\nallow_plaintext = true",
        "url = [\"ldap://localhost:3890\", \"ldap://127.0.0.2\", \"ldap://[::1]\"]",
    ] {
        with(allowed).read().unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    }
}

#[test]
fn what_stands_outside_a_profile_is_not_ignored() {
    expect(
        &Folder::with("[directory]\nurl = \"ldaps://dc1\"\n"),
        "Rocket.toml:1:2",
        "`[directory]` stands outside",
        "[default.directory]",
    );
    expect(&Folder::with("pages = \"p\"\n[default]\n"), "Rocket.toml:1:1", "`pages` stands outside", "[default]");
}

#[test]
fn broken_syntax_has_its_location() {
    let folder = Folder::with("[default]\npages = p\n[default.directory\nurl = \"ldaps://dc1\"\n");
    let diagnostics = folder.read().unwrap_err();
    let lines: Vec<_> = diagnostics.iter().map(|diagnostic| diagnostic.location.line_and_column().unwrap().0).collect();
    assert_eq!(lines, [2, 3], "{diagnostics}");
}

#[test]
fn what_is_written_as_elsewhere_is_told_how_it_is_written_here() {
    for (line, help) in [
        ("start_tls = True", "write `true`"),
        ("start_tls = yes", "write `true`"),
        ("start_tls = off", "write `false`"),
        ("ca_file = null", "take the key out"),
        ("bind_name = \"CORP\\svc\"", "single quotes"),
        ("ca_file = \"C:\\certs\\ca.pem\"", "single quotes"),
        ("// start_tls = true", "begins with `#`"),
        ("; start_tls = true", "begins with `#`"),
        ("start_tls: true", "`=` between"),
    ] {
        let diagnostics = Folder::with(&format!("{URL}{line}\n")).read().unwrap_err();
        let first = diagnostics.iter().next().unwrap();
        assert!(first.help.contains(help), "{line}: {}", first.help);
        assert_eq!(first.location.line_and_column().unwrap().0, 3, "{line}");
    }
    for several in ["ldaps://dc1 ldaps://dc2", "ldaps://dc1,ldaps://dc2", "ldaps://dc1 dc2"] {
        let settings = format!("[default.directory]\nurl = \"{several}\"\n");
        expect(&Folder::with(&settings), "Rocket.toml:2:7", "is not one URL", "write several as a list");
    }
    expect(&Folder::with(&format!("[default]\naddress = \"localhost\"\n{URL}")), "Rocket.toml:2:11", "`address`", "0.0.0.0");
    expect(&Folder::with(&format!("{URL}[default.tls]\ncert = \"x\"")), "Rocket.toml:3:1", "missing field", "certs = ");
    let shop = format!("{URL}[default.directories.Brand]\nurl = \"ldaps://dc1\"\ndomains = [\"BRAND\"]\n");
    expect(&Folder::with(&shop), "Rocket.toml:3:22", "cannot be called `Brand`", "a letter or digit: `brand`");
}

#[test]
fn rockets_own_settings_are_checked_in_the_same_go() {
    expect(&Folder::with(&format!("[default]\nport = \"web\"\n{URL}")), "Rocket.toml:2:8", "`port`", "from 1 to 65535");
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["boards".to_owned()]).unwrap().self_signed(&key).unwrap();
    let folder = Folder::with(&format!(
        "[default]\naddress = \"0.0.0.0\"\ntemplate_dir = \"t\"\ntls = {{ certs = \"c\", key = \"k\" }}\n{URL}"
    ));
    let folder = folder.file("c", &certificate.pem()).file("k", &key.serialize_pem());
    folder.read().unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
}

/// What stands for a secret. It is a number too, so that it can have the wrong type.
const SECRET: &str = "700700700";

/// Settings with the secret in them and a mistake, to stand behind the directory's URL.
const MISTAKES: [&str; 34] = [
    // The right key, and something else is wrong.
    "bind_password = \"700700700\"",
    "bind_password = \"700700700\"\nbind_password = \"700700700\"",
    "bind_name = \"svc\"\nbind_password = 700700700",
    "bind_name = \"svc\"\nbind_password = [\"700700700\"]",
    "bind_name = \"svc\"\nbind_password = { text = \"700700700\" }",
    "[default.metrics]\ntoken = \"700700700\"",
    // A misspelt key, or one in the wrong table.
    "bind_pasword = \"700700700\"",
    "bind_pasword = 700700700",
    "bind_pasword = \"\"\"\n700700700\n\"\"\"",
    "\"bind password\" = '700700700'",
    "password.of.svc = \"700700700\"",
    "[default.directori]\nbind_password = \"700700700\"",
    "[default.directori]\nbind_password = 700700700.5",
    "[default.site]\nbind_password = \"700700700\"",
    "[default.site]\ntheme = { token = \"700700700\", hue = 999 }",
    "[default]\nmetrics = { tokn = \"700700700\" }",
    "[default]\nmetrics.tokn = [[\"700700700\"]]",
    // Broken syntax, so that nothing can be read.
    "bind_password = \"700700700",
    "bind_pasword = 'x700700700\nbind_name = \"svc\"",
    "bind_pasword = x700700700",
    "bind_password \"700700700\"",
    "bind_password: \"700700700\"",
    "bind_password 700700700=abc",
    "bind_pasword = \"x\"700700700\"",
    "bind_pasword = '''\n700700700=\n",
    "bind_pasword = [\n\"700700700\",\n",
    "pasword = \"x\", bind_name = \"svc\", other = \"700700700\"",
    "[default.sources.a]\nheaders = { A = \"700700700\"\n",
    // A password in a URL.
    "[default.site]\npublic_url = \"https://u:700700700@h/\"",
    "[default.site]\npublic_url = \"u:700700700@h\"",
    "[default.site]\ntrusted_proxies = [\"http://u:700700700@h\"]",
    // Rocket's own.
    "[default]\nsecret_key = \"700700700\"",
    "[default]\ntls = { certs = \"c\", key = [\"700700700\"] }",
    "[default]\ntls = \"700700700\"",
];

#[track_caller]
fn shows_no_secret(folder: &Folder, what: &str) {
    let diagnostics = folder.read().expect_err(what);
    let reports = serde_json::to_string(&diagnostics.to_reports()).unwrap();
    let lines: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
    for shown in [diagnostics.render(true), format!("{diagnostics:?}"), reports, lines.concat()] {
        assert!(!shown.contains(SECRET), "{what}\n{shown}");
    }
}

#[test]
fn no_diagnostic_shows_a_secret_wherever_it_was_put() {
    for text in MISTAKES {
        shows_no_secret(&Folder::with(&format!("{URL}{text}\n")), text);
    }
    for url in ["ldaps://svc:700700700@dc1", "svc:700700700@dc1", "ldaps://svc:700/700700700@dc1"] {
        for text in [format!("url = \"{url}\""), format!("url = [\"ldaps://dc2\", \"{url}\"]"), format!("urll = \"{url}\"")] {
            shows_no_secret(&Folder::with(&format!("[default.directory]\n{text}\n")), &text);
        }
    }
    for outside in ["bind_password = \"700700700\"", "[directory]\nbind_password = \"700700700\"", "700700700"] {
        shows_no_secret(&Folder::with(&format!("{outside}\n{URL}")), outside);
    }
}

#[test]
fn no_diagnostic_shows_a_secret_from_the_environment() {
    for (name, value) in [
        ("BELVEDERE_DIRECTORY__BIND_PASWORD", "700700700"),
        ("BELVEDERE_DIRECTORY__BIND_PASSWORD", "700700700"),
        ("BELVEDERE_BIND_PASSWORD", "700700700"),
        ("BELVEDERE_DIRECTORY", "{ bind_password = \"700700700 }"),
        ("BELVEDERE_DIRECTORY", "{ bind_pasword = \"700700700\" }"),
        ("BELVEDERE_DIRECTORY", "bind_password = \"700700700\""),
        ("BELVEDERE_DIRECTORY__URL", "ldaps://svc:700700700@dc1"),
        ("BELVEDERE_DIRECTORY__URL", "[\"svc:700700700@dc1\"]"),
        ("BELVEDERE_METRICS__TOKEN", "700700700"),
        ("BELVEDERE_SITE__PUBLIC_URL", "u:700700700@h"),
    ] {
        shows_no_secret(&Folder::with("").variable(name, value), name);
    }
    let folder = Folder::with(URL).variable("BELVEDERE_DIRECTORY__BIND_NAME", "svc");
    let settings = folder.variable("BELVEDERE_DIRECTORY__BIND_PASSWORD", SECRET).read().unwrap();
    assert!(!format!("{settings:?}").contains(SECRET));
}

#[test]
fn what_was_read_and_is_no_secret_is_shown() {
    let inline = "[default]\ndirectory = { url = \"ldaps://dc1\", bind_password = \"700700700\", kind = \"ad\" } # AD\n";
    let said = Folder::with(inline).read().unwrap_err().to_string();
    assert!(said.contains("directory = { url = \"ldaps://dc1\", bind_password = ***********, kind = \"ad\" } # AD"), "{said}");
    for line in ["ring = 1", "ring = \"many\"", "heartbeat = \"1 minute\""] {
        let said = Folder::with(&format!("{URL}[default.live]\n{line}\n")).read().unwrap_err().to_string();
        assert!(said.contains(line), "{said}");
    }
    let said = Folder::with(&format!("[default]\nport = \"web\"\n{URL}")).read().unwrap_err().to_string();
    assert!(said.contains("port = \"web\""), "{said}");
}

#[test]
fn the_repositorys_own_settings_need_only_the_url() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Rocket.toml")).unwrap();
    let line = 1 + text.lines().position(|line| line == "[default.directory]").unwrap();
    let location = format!("Rocket.toml:{line}:1");
    expect(&Folder::with(&text), &location, "no directory is set", "BELVEDERE_DIRECTORY__URL");
    let folder = Folder::with(&text).variable("BELVEDERE_DIRECTORY__URL", "ldaps://dc1");
    folder.read().unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
}

#[test]
fn no_directory_is_called_as_another_realm_is() {
    let diagnostics = |name: &str, domain: &str| {
        let text = format!(
            "[default.directory]\nurl = \"ldaps://dc1\"\n\n[default.directories.{name}]\nurl = \"ldaps://dc2\"\n\
             domains = [\"{domain}\"]\n"
        );
        Folder::with(&text).read().map_err(|diagnostics| diagnostics.to_string())
    };
    assert!(diagnostics("brand", "BRAND").is_ok());
    let (own, default) = ("stands for the program's own accounts", "stands for the default directory");
    for (name, domain, why) in [("local", "BRAND", own), ("brand", "LOCAL", own), ("default", "BRAND", default)] {
        let said = diagnostics(name, domain).unwrap_err();
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn passwords_of_local_accounts_have_a_least_length_that_nobody_can_undercut() {
    let read = |accounts: &str| {
        Folder::with(&format!("[default.directory]\nurl = \"ldaps://dc1\"\n\n[default.accounts]\n{accounts}\n")).read()
    };
    let settings = read("").unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    assert_eq!((settings.accounts.shortest_password, settings.digest.enabled), (12, false));
    assert_eq!(settings.accounts.invitation_lasts, Duration::from_hours(72));
    assert_eq!(
        read("shortest_password = 8").unwrap_or_else(|diagnostics| panic!("{diagnostics}")).accounts.shortest_password,
        8
    );
    for bad in ["shortest_password = 7", "invitation_lasts = \"1s\"", "invitation_lasts = \"90d\""] {
        assert!(read(bad).is_err(), "{bad}");
    }
}

#[test]
fn what_the_repositorys_settings_show_as_comments_is_true() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Rocket.toml")).unwrap();
    let uncommented: Vec<_> = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.starts_with('[') || is_setting(rest) => rest,
            _ => line,
        })
        .collect();
    let uncommented = uncommented.join("\n");
    let folder = Folder::with(&uncommented.replace("/etc/belvedere/", ""))
        .file("corp-ca.pem", &certificate())
        .file("bind-password", "secret")
        .file("stock-token", "Bearer abc")
        .file("metrics-token", "0123456789abcdef01234567");
    let settings = folder.read().unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    assert!(settings.directory.service_account.is_some() && settings.overlay.is_some());
}

fn is_setting(line: &str) -> bool {
    let key = line.split(' ').next().unwrap_or_default();
    line.contains("= ") && !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

#[test]
fn nothing_that_can_be_written_makes_it_fall_over() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Rocket.toml")).unwrap();
    let text = text.replace("# url = \"ldaps", "url = \"ldaps");
    let folder = Folder::new();
    let odd = ["\"", "[", "]", "{", "=", "\n", "\0", "ä", "'''", "#", "]]", "."];
    let step = (text.len() / 120).max(1);
    for (count, at) in (0..text.len()).step_by(step).enumerate() {
        if !text.is_char_boundary(at) {
            continue;
        }
        for mangled in [text[..at].to_owned(), format!("{}{}{}", &text[..at], odd[count % odd.len()], &text[at..])] {
            std::fs::write(folder.path("Rocket.toml"), mangled).unwrap();
            if let Err(diagnostics) = folder.read() {
                assert!(!diagnostics.is_empty() && !diagnostics.render(true).is_empty());
            }
        }
    }
    std::fs::write(folder.path("Rocket.toml"), b"\xff\xfe[default]").unwrap();
    assert!(!folder.read().unwrap_err().is_empty());
}

/// A certificate made for this test alone.
fn certificate() -> String {
    rcgen::generate_simple_self_signed(["dc1.corp.example.com".to_owned()]).unwrap().cert.pem()
}

#[test]
fn mail_addresses_are_names_where_somebody_can_say_whose_they_are() {
    for valid in [
        "sign_in_by_mail = true\nkind = \"ldap\"",
        "sign_in_by_mail = true\nbind_name = \"svc\"\nbind_password = \"x\"",
        "sign_in_by_mail = true\nkind = \"active-directory\"\nbind_name = \"svc\"\nbind_password = \"x\"",
    ] {
        let settings = Folder::with(&format!("{URL}{valid}\n")).read().unwrap();
        assert!(settings.directory.sign_in_by_mail, "{valid}");
    }
}

#[test]
fn a_token_for_the_figures_comes_from_either_place_and_is_beyond_guessing() {
    let token = "0123456789abcdef01234567";
    let of = |folder: Folder| folder.read().unwrap().metrics.token.map(|token| token.expose().to_owned());
    assert_eq!(of(Folder::with(URL)), None);
    assert_eq!(of(Folder::with(&format!("{URL}[default.metrics]\ntoken = \"{token}\"\n"))).as_deref(), Some(token));
    let in_file = format!("{URL}[default.metrics]\ntoken_file = \"token\"\n");
    let file = Folder::with(&in_file).file("token", &format!("{token}\n"));
    assert_eq!(of(file).as_deref(), Some(token));
    assert_eq!(of(Folder::with(URL).variable("BELVEDERE_METRICS__TOKEN", token)).as_deref(), Some(token));

    let short = Folder::with(&in_file).file("token", "hunter2");
    expect(&short, "Rocket.toml:4:14", "7 characters, and fewer than 24", "openssl rand");
    let odd = Folder::with(URL).variable("BELVEDERE_METRICS__TOKEN", &format!("{token} ü"));
    expect(&odd, "environment variable BELVEDERE_METRICS__TOKEN", "does not belong into a header", "openssl rand");
    let both = Folder::with(&in_file).file("token", token).variable("BELVEDERE_METRICS__TOKEN", token);
    expect(&both, "Rocket.toml:4:1", "are both set", "keep one of them");
}
