#![allow(clippy::unwrap_used, clippy::expect_used)]

use rocket::figment::providers::{Format, Toml};

use super::*;

const URL: &str = "[default.directory]\nurl = \"ldaps://dc1.corp.example.com\"\n";

/// A folder with a `Rocket.toml`.
struct Folder(tempfile::TempDir);

impl Folder {
    /// With the least settings, in lines 1 and 2, and these.
    fn with(text: &str) -> Self {
        Self(tempfile::tempdir().unwrap()).file("Rocket.toml", &format!("{URL}{text}"))
    }

    fn file(self, name: &str, text: &str) -> Self {
        std::fs::write(self.0.path().join(name), text).unwrap();
        self
    }

    fn figment(&self) -> Figment {
        Figment::from(rocket::Config::default()).merge(Toml::file_exact(self.0.path().join("Rocket.toml")).nested())
    }

    fn read(&self) -> Result<NamedSources, Diagnostics> {
        read_settings(&self.figment()).map(|(_, named)| named)
    }
}

/// The sources in these settings, which are the least ones otherwise.
pub(in crate::sources) fn read(text: &str) -> Result<NamedSources, Diagnostics> {
    Folder::with(text).read()
}

/// Expects one diagnostic with this line and column, and these words in its message and in its help.
#[track_caller]
fn expect(text: &str, at: (usize, usize), message: &str, help: &str) {
    let diagnostics = read(text).expect_err("there is a fault");
    assert_eq!(diagnostics.len(), 1, "{diagnostics}");
    let diagnostic = diagnostics.iter().next().unwrap();
    assert_eq!(diagnostic.location.line_and_column(), Some(at), "{diagnostics}");
    assert!(diagnostic.message.contains(message) && diagnostic.help.contains(help), "{diagnostics}");
}

#[test]
fn each_source_is_read_by_its_kind_in_the_order_written() {
    let folder = Folder::with(
        r#"
[default.sources.zebra]
kind = "http"
url = "https://stock.corp.example.com/api?city={city}"
headers = { Accept = "text/json", Authorization = { file = "token" }, "X-Key" = "hunter2" }
timeout = "3s"
max_bytes = "64KiB"
[default.sources.ape]
kind = "http"
url_file = "url"
"#,
    )
    .file("token", "Bearer hunter2\n")
    .file("url", "http://127.0.0.1/?key=hunter2\r\n");
    let named = folder.read().unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    let names: Vec<_> = named.0.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["zebra", "ape"]);
    let shown = format!("{named:?}");
    assert!(shown.contains("timeout: 3s, max_bytes: 65536") && shown.contains("timeout: 10s, max_bytes: 1048576"), "{shown}");
    assert!(shown.contains("text/json") || shown.contains("Sensitive"), "{shown}");
    assert!(!shown.contains("hunter2"), "neither a header's value nor a URL shows itself: {shown}");
}

#[test]
fn credentials_that_cross_a_network_unencrypted_are_told_and_nothing_else() {
    let exposures = |source: &str| {
        let named = read(&format!("[default.sources.a]\n{source}\n")).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
        named.exposures().map(|(name, words)| format!("{name}: {words}")).collect::<Vec<_>>()
    };
    for (exposed, remedy) in [
        ("kind = \"http\"\nurl = \"http://stock/\"\ntoken = \"hunter2\"", "`authorization`"),
        ("kind = \"http\"\nurl = \"http://stock/\"\nheaders = { X-Api-Key = \"hunter2\" }", "`x-api-key`"),
        ("kind = \"prometheus\"\nurl = \"http://10.0.0.1/\"\nuser = \"u\"\npassword = \"hunter2\"", "`https://`"),
        ("kind = \"sql\"\nurl = \"postgres://u:hunter2@db/x?sslmode=disable\"", "`sslmode=disable`"),
        ("kind = \"sql\"\nurl = \"mysql://u:hunter2@db/x?ssl-mode=disabled\"", "`ssl-mode=disabled`"),
    ] {
        let told = exposures(exposed);
        assert!(told.len() == 1 && told[0].starts_with("a: ") && told[0].contains(remedy), "{exposed}: {told:?}");
        assert!(!told[0].contains("hunter2"), "{told:?}");
    }
    for fine in [
        "kind = \"http\"\nurl = \"http://stock/\"\nheaders = { X-Scope-OrgID = \"corp\" }",
        "kind = \"http\"\nurl = \"https://stock/\"\ntoken = \"hunter2\"",
        "kind = \"http\"\nurl = \"http://localhost:8080/\"\ntoken = \"hunter2\"",
        "kind = \"prometheus\"\nurl = \"http://[::1]:9090/\"\ntoken = \"hunter2\"",
        "kind = \"sql\"\nurl = \"mysql://u:hunter2@127.0.0.1/x?ssl-mode=disabled\"",
        "kind = \"sql\"\nurl = \"postgres://u:hunter2@db/x\"",
        "kind = \"sql\"\nurl = \"sqlite:///srv/shop.db\"",
    ] {
        assert!(exposures(fine).is_empty(), "{fine}");
    }
}

#[test]
fn what_is_wrong_has_its_place_and_its_help() {
    let source = |text: &str| format!("[default.sources.stock]\n{text}\n");
    let http = |text: &str| source(&format!("kind = \"http\"\n{text}"));
    expect(&source(""), (3, 1), "`kind` is missing", "say what it is: `kind = \"http\"`");
    expect(&source("kind = \"https\""), (4, 8), "cannot be `https`", "`http`?");
    expect(&source("kind = \"host\""), (4, 8), "cannot be `host`", "`http`");
    expect(&http(""), (3, 1), "`url` is missing", "url = ");
    expect(&http("url = \"stock/api\""), (5, 7), "is not a URL", "https://");
    expect(&http("url = \"ftp://stock/api\""), (5, 7), "does not begin with", "https://");
    expect(&http("url = \"http://{host}/api\""), (5, 7), "placeholder in its scheme or host", "the admin alone");
    expect(&http("url = \"http://stock/{\""), (5, 7), "crooked placeholder", "{city}");
    expect(&http("url = \"http://s/\"\nmax_bytes = \"1GiB\""), (6, 13), "more than 64MiB", "1KiB to 64MiB");
    expect(&http("url = \"http://s/\"\nmax_bytes = \"lots\""), (6, 13), "not a size", "1MiB");
    expect(&http("url = \"http://s/\"\nheaders = { \"a b\" = \"c\" }"), (6, 13), "cannot be called `a b`", "hyphens");
    expect(&http("url = \"http://s/\"\nheaders = { A = {} }"), (6, 17), "`file` is missing", "file =");
    let certificate = "client_certificate_file = \"c.pem\"\nclient_key_file = \"c.key\"";
    expect(&http(&format!("url = \"http://s/\"\n{certificate}")), (6, 1), "shown by TLS alone", "https://");
    expect(&http("url = \"http://s/\"\nurll = 1"), (6, 1), "no key `urll`", "`url`?");
    expect("[default.sources.host]\nkind = \"http\"\n", (3, 18), "is built in", "another name");
}

#[test]
fn faults_of_sources_and_of_other_tables_come_in_one_go_and_in_order() {
    let text = "[default.sources.stock]\nkind = \"http\"\nurl = 5\n[default.sessions]\nidle = \"long\"\n\
                [default.sources.line]\nkind = \"wire\"\n";
    let diagnostics = read(text).unwrap_err();
    let lines: Vec<_> = diagnostics.iter().filter_map(|diagnostic| diagnostic.location.line_and_column()).collect();
    assert_eq!(lines, [(5, 7), (7, 8), (9, 8)], "{diagnostics}");
}

#[test]
fn the_pages_are_found_when_other_settings_are_wrong_and_their_sources_when_those_are_right() {
    let pages = |text: &str| Settings::for_pages(&Folder::with(text).figment(), NamedSources::read).unwrap();
    let (folder, named) = pages("[default.sessions]\nidle = \"long\"\n");
    assert!(folder.ends_with("pages") && named.is_some_and(|named| named.0.is_empty()));
    assert!(pages("[default.sources.stock]\nkind = \"wire\"\n").1.is_none());
}

#[test]
fn no_fault_of_a_source_shows_a_secret() {
    for text in [
        "url = \"https://u:hunter2@h/\"",
        "url = \"https://u:hun/hunter2@h/{\"",
        "url = \"https://h/\"\nheader = { A = \"hunter2\" }",
        "url = \"https://h/\"\nheaders = \"A: hunter2\"",
        "[default.sources]\nb = { kind = \"htp\", url = \"https://h/\", headers = { A = \"hunter2\" } }",
        "url = \"https://h/\"\nheaders = { A = \"hunter2\\n\" }",
        "url = \"https://h/\"\nheaders = { A = [\"hunter2\"] }",
        "url = \"https://h/\"\nheaders = { A = { file = \"/nonexistent\", value = \"hunter2\" } }",
    ] {
        let diagnostics = read(&format!("[default.sources.a]\nkind = \"http\"\n{text}\n")).unwrap_err();
        let reports = serde_json::to_string(&diagnostics.to_reports()).unwrap();
        for shown in [diagnostics.render(true), format!("{diagnostics:?}"), reports] {
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }
}
