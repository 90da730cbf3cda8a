#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use futures::StreamExt;

use super::*;
use crate::domain::SystemClock;
use crate::sources::filter_workers::tests::on_threads;
use crate::sources::settings::tests::read as read_sources;
use crate::sources::{NamedSources, Sources};

/// How long something may take. It never decides a test that passes.
const PATIENCE: Duration = Duration::from_mins(1);

/// A source that runs this shell script, whose first argument is a visitor's `site`.
fn of_script(script: &str, keys: &str) -> Sources {
    let program = ["/bin/sh", "-c", script, "jobs", "site={site}"];
    let program = serde_json::to_string(&program.map(|text| text.replace('{', "{{").replace('}', "}}")));
    let program = program.unwrap().replace("{{site}}", "{site}");
    let settings = format!("[default.sources.jobs]\nkind = \"command\"\nprogram = {program}\n{keys}\n");
    opened(&read_sources(&settings).unwrap_or_else(|faults| panic!("{faults}"))).unwrap()
}

fn opened(named: &NamedSources) -> Result<Sources, String> {
    Sources::open(named, &(Arc::new(SystemClock) as _), &on_threads()).map_err(|error| error.to_string())
}

fn query(filter: &str, site: &str) -> BoundQuery {
    let bindings = [("site".to_owned(), site.to_owned())].into();
    BoundQuery { source: "jobs".parse().unwrap(), text: filter.to_owned(), bindings }
}

async fn runs(script: &str, keys: &str, filter: &str) -> Result<Reading, SourceError> {
    of_script(script, keys).execute(&query(filter, "vienna")).await
}

fn text(text: &str) -> Reading {
    Reading::Text(text.to_owned())
}

#[tokio::test]
async fn what_a_program_writes_is_a_document_in_each_format() {
    assert_eq!(runs("echo '{\"waits\": 3}'", "", ".waits").await, Ok(Reading::Number(3.0)));
    assert_eq!(runs("printf 'name,waits\\na,3\\n'", "format = \"csv\"", ".[0].waits").await, Ok(Reading::Number(3.0)));
    assert_eq!(runs("echo \"$1\"", "format = \"text\"", ". + $site").await, Ok(text("site=viennavienna")));
    assert!(matches!(runs("echo no", "", ".").await, Err(SourceError::BadAnswer(_))));
}

#[tokio::test]
async fn no_value_of_a_visitor_is_read_by_a_shell() {
    let source = of_script("printf %s \"$1\"; test $# = 1", "format = \"text\"");
    for value in [
        "$(touch /tmp/belvedere-was-here)",
        "`id`",
        "; exit 7",
        "' || exit 7 '",
        "\"; exit 7; \"",
        "a b",
        "a\nb",
        "*",
        "{site}",
        "-rf",
        "%s",
    ] {
        assert_eq!(source.execute(&query(".", value)).await, Ok(text(&format!("site={value}"))), "{value}");
    }
    assert!(!Path::new("/tmp/belvedere-was-here").exists());
    assert!(matches!(source.execute(&query(".", "a\0b")).await, Err(SourceError::BadQuery(_))));
}

#[tokio::test]
async fn a_program_has_an_environment_and_a_folder_of_its_own_and_no_input() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("token"), "hunter2\n").unwrap();
    let keys = format!(
        "format = \"text\"\ndirectory = \"{0}\"\nenvironment = {{ REGION = \"eu\", TOKEN = {{ file = \"{0}/token\" }} }}",
        folder.path().display()
    );
    let variables = runs("env | cut -d= -f1 | grep -v '^_\\|^PWD\\|^SHLVL\\|^OLDPWD' | sort | tr '\\n' ' '", &keys, ".").await;
    assert_eq!(variables, Ok(text("LANG PATH REGION RUN_OF_BELVEDERE TOKEN ")));
    assert_eq!(runs("echo \"$TOKEN $REGION\"", &keys, ".").await, Ok(text("hunter2 eu")));
    let place = fs::canonicalize(folder.path()).unwrap();
    assert_eq!(runs("pwd -P", &keys, ".").await, Ok(text(place.to_str().unwrap())));
    assert_eq!(runs("cat; echo end", &keys, ".").await, Ok(text("end")), "its input is empty");
    let failed = runs("echo; echo \"no entry with $TOKEN\" >&2; echo more >&2; exit 3", &keys, ".").await.unwrap_err();
    assert_eq!(failed, SourceError::BadAnswer("sh ended with exit status: 3: no entry with …".to_owned()));
    assert!(!failed.for_visitors("jobs").contains("entry"));
}

/// Waits until no process has this text among its arguments.
async fn is_over(mark: &str) {
    let began = Instant::now();
    let runs = || {
        let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let command = |path: &Path| fs::read(path.join("cmdline")).unwrap_or_default();
        processes.filter(|process| String::from_utf8_lossy(&command(&process.path())).contains(mark)).count()
    };
    while runs() > 0 {
        assert!(began.elapsed() < PATIENCE, "{} run on", runs());
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn with_a_run_ends_all_that_it_has_started() {
    // A child, one in a session of its own, one that nobody has started any more, and the pipes that they hold open.
    let leave = |mark: &str| format!("sleep {mark} & setsid sleep {mark} & (setsid setsid sleep {mark} &)");
    let hangs = format!("{}; sleep 98701", leave("98701"));
    let error = runs(&hangs, "timeout = \"500ms\"", ".").await.unwrap_err();
    assert!(matches!(&error, SourceError::TimedOut(why) if why == "sh did not end within 500ms, and was killed"), "{error}");
    is_over("98701").await;

    let ends = format!("{}; echo 7", leave("98702"));
    let began = Instant::now();
    assert_eq!(runs(&ends, "timeout = \"5m\"", ".").await, Ok(Reading::Number(7.0)), "it waits for none of them");
    assert!(began.elapsed() < PATIENCE);
    is_over("98702").await;

    let many = "f() { sleep 98703 & f & }; f; sleep 98703";
    // A shell that starts itself again and again, with an end where nothing stops it.
    let bomb = format!("ulimit -u 4000 2>/dev/null; {many}");
    assert!(runs(&bomb, "timeout = \"300ms\"", ".").await.is_err());
    is_over("98703").await;

    let source = of_script("sleep 98704 & sleep 98704", "timeout = \"5m\"");
    let given_up = query(".", "vienna");
    let request = source.documents(&given_up.source).unwrap().request(&given_up).unwrap();
    let fetch = source.documents(&given_up.source).unwrap().fetch(&request);
    assert!(tokio::time::timeout(Duration::from_millis(300), fetch).await.is_err());
    is_over("98704").await;
}

#[tokio::test]
async fn a_flood_ends_when_it_is_larger_than_allowed() {
    let began = Instant::now();
    for flood in ["yes", "yes >&2 & yes", "cat /dev/zero"] {
        let error = runs(flood, "max_bytes = \"64KiB\"\ntimeout = \"5m\"", ".").await.unwrap_err();
        assert!(matches!(error, SourceError::TooLarge(_)), "{flood}: {error}");
    }
    let flooded = runs("head -c 10000000 /dev/zero >&2; echo 1", "max_bytes = \"1KiB\"", ".").await;
    assert_eq!(flooded, Ok(Reading::Number(1.0)), "what it says on its standard error is not kept");
    assert!(began.elapsed() < PATIENCE);
}

#[tokio::test]
async fn a_program_that_cannot_be_started_says_why() {
    let nowhere = "[default.sources.jobs]\nkind = \"command\"\nprogram = [\"/nowhere/jobs\"]\n";
    let error = opened(&read_sources(nowhere).unwrap()).unwrap().execute(&query(".", "")).await.unwrap_err();
    assert!(
        matches!(&error, SourceError::Broken(why) if why.starts_with("/nowhere/jobs cannot be started: No such file")),
        "{error}"
    );
    let as_user = async |name: &str| {
        let program = "[default.sources.jobs]\nkind = \"command\"\nprogram = [\"/usr/bin/id\", \"-un\"]\nformat = \"text\"\n";
        let source = opened(&read_sources(&format!("{program}user = \"{name}\"\n")).unwrap()).unwrap();
        source.execute(&query(".", "")).await
    };
    let error = as_user("no-such-user").await.unwrap_err();
    assert!(error.to_string().contains("there is no user 'no-such-user'"), "{error}");
    match as_user("nobody").await {
        Err(error) => assert!(error.to_string().contains("must run as root"), "{error}"),
        answer => assert_eq!(answer, Ok(text("nobody"))),
    }
}

#[tokio::test]
async fn each_line_of_a_stream_is_new_and_one_that_ends_is_started_again_for_all_who_watch() {
    let folder = tempfile::tempdir().unwrap();
    let (starts, lines) = (folder.path().join("starts"), folder.path().join("lines"));
    fs::write(&lines, "").unwrap();
    let script = format!("echo x >> {}; echo '{{\"n\": 1}}'; exec tail -n +1 -f {}", starts.display(), lines.display());
    let source = of_script(&script, "stream = true");
    assert!(source.documents(&"jobs".parse().unwrap()).is_none());
    assert_eq!(source.execute(&query(".n", "vienna")).await, Ok(Reading::Number(1.0)));
    let holder = watch::channel(Holder::Program).1;
    let mut one = source.subscribe(&query(".n", "vienna"), &holder).unwrap();
    assert_eq!(one.next().await.unwrap().result, Ok(Reading::Number(1.0)));
    let mut other = source.subscribe(&query(".n + 100", "vienna"), &holder).unwrap();
    assert_eq!(other.next().await.unwrap().result, Ok(Reading::Number(101.0)));
    let started = fs::read_to_string(&starts).unwrap().lines().count();
    fs::write(&lines, "{\"n\": 2}\n\n").unwrap();
    assert_eq!(one.next().await.unwrap().result, Ok(Reading::Number(2.0)));
    assert_eq!(other.next().await.unwrap().result, Ok(Reading::Number(102.0)));
    assert_eq!(fs::read_to_string(&starts).unwrap().lines().count(), started, "one runs for both");
    drop((one, other));
    is_over(lines.to_str().unwrap()).await;

    let ending = of_script("echo 1; printf 12; echo gone >&2; exit 3", "stream = true");
    let mut readings = ending.subscribe(&query(".", "vienna"), &holder).unwrap();
    let mut heard = Vec::new();
    while heard.len() < 3 {
        let reading = readings.next().await.unwrap().result;
        if heard.last() != Some(&reading) {
            heard.push(reading);
        }
    }
    // A line may give way to a later one before somebody took it.
    assert!(
        heard.iter().any(|reading| matches!(reading, Err(SourceError::BadAnswer(why)) if why.ends_with(": gone"))),
        "{heard:?}"
    );
    assert!(!heard.contains(&Ok(Reading::Number(12.0))), "a line that was not ended: {heard:?}");
    let flood = of_script("cat /dev/zero", "stream = true\nmax_bytes = \"1KiB\"").execute(&query(".", "vienna")).await;
    assert!(matches!(flood, Err(SourceError::TooLarge(_))), "{flood:?}");
}

#[tokio::test]
async fn whoever_finds_no_place_is_told_so_and_has_it_when_it_is_free() {
    let keys = "stream = true\nat_a_time = 1\ntimeout = \"1s\"";
    let source = of_script("echo 1; exec sleep 98705", keys);
    let holder = watch::channel(Holder::Program).1;
    let mut one = source.subscribe(&query(".", "vienna"), &holder).unwrap();
    assert_eq!(one.next().await.unwrap().result, Ok(Reading::Number(1.0)));
    let mut other = source.subscribe(&query(".", "graz"), &holder).unwrap();
    let refused = other.next().await.unwrap().result;
    assert!(matches!(&refused, Err(SourceError::OverLimits(why)) if why.contains("at_a_time")), "{refused:?}");
    drop(one);
    while other.next().await.unwrap().result.is_err() {}
    drop(other);
    is_over("98705").await;
}

#[test]
fn what_is_wrong_in_the_settings_has_its_place() {
    for (keys, message, help) in [
        ("", "`program` is missing", "/usr/local/bin/jobs"),
        ("program = []", "names no program", "/usr/local/bin/jobs"),
        ("program = [\"jobs\"]", "is no path of a program", "its whole path"),
        ("program = [\"/bin/{site}\"]", "is no path of a program", "the admin alone"),
        ("program = [\"/bin/a\", \"--{site}\"]", "in the name of an option", "--site={site}"),
        ("program = [\"/bin/a\"]\nenvironment = { \"A=B\" = \"c\" }", "cannot be called", "TOKEN"),
        ("program = [\"/bin/a\"]\nenvironment = { A = { fil = \"c\" } }", "`file` is missing", "file ="),
        ("program = [\"/bin/a\"]\nformat = \"csv\"\nstream = true", "no CSV", "each line"),
        ("program = [\"/bin/a\"]\nshell = true", "no key `shell`", ""),
    ] {
        let faults = read_sources(&format!("[default.sources.jobs]\nkind = \"command\"\n{keys}\n")).unwrap_err().render(false);
        assert!(faults.contains(message) && faults.contains(help), "{faults}");
    }
}
