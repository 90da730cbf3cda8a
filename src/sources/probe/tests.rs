#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::*;
use crate::domain::{ManualClock, SystemClock};
use crate::sources::Sources;
use crate::sources::filter_workers::tests::on_threads;
use crate::sources::http_client::tests::mock_server::{MockHttpServer, MockReply, redirect};
use crate::sources::settings::tests::read as read_sources;
use crate::store::tests::certificates::TestAuthority;
use crate::store::tests::free_port::free_port;

fn of_targets(targets: &str) -> Sources {
    within("1m", targets)
}

fn within(timeout: &str, targets: &str) -> Sources {
    on_clock(&(Arc::new(SystemClock) as _), timeout, targets)
}

fn on_clock(clock: &Arc<dyn Clock>, timeout: &str, targets: &str) -> Sources {
    let settings = format!("[default.sources.up]\nkind = \"probe\"\ntimeout = \"{timeout}\"\ntargets = {{ {targets} }}\n");
    let named = read_sources(&settings).unwrap_or_else(|faults| panic!("{faults}"));
    Sources::open(&named, clock, &on_threads()).unwrap()
}

async fn ask(sources: &Sources, text: &str) -> Result<Reading, SourceError> {
    let bindings = [("target".to_owned(), "db".to_owned())].into();
    sources.execute(&BoundQuery { source: "up".parse().unwrap(), text: text.to_owned(), bindings }).await
}

/// The one state that a query is answered.
async fn state(sources: &Sources, text: &str) -> (HealthState, String) {
    match ask(sources, text).await {
        Ok(Reading::States(states)) if states.len() == 1 => (states[0].state, states[0].note.clone().unwrap()),
        other => panic!("{other:?}"),
    }
}

fn http(status: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()).into_bytes()
}

#[tokio::test]
async fn a_target_is_up_or_down_with_its_reason_and_no_address_is_told() {
    let server = MockHttpServer::start(None, |head| match head.split(' ').nth(1).unwrap() {
        "/ok" => MockReply::Bytes(http("200 OK", "All is well")),
        "/moved" => MockReply::Bytes(b"HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n".to_vec()),
        "/elsewhere" => {
            MockReply::Bytes(b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.7/\r\nContent-Length: 0\r\n\r\n".to_vec())
        }
        "/around" => redirect("/around"),
        "/stalls" => MockReply::Stall(b"HTTP/1.1 200 OK\r\n".to_vec()),
        _ => MockReply::Bytes(http("503 Out", "no")),
    })
    .await;
    let (port, closed) = (server.port, free_port().unwrap());
    let url = |path: &str| format!("http://127.0.0.1:{port}/{path}");
    let sources = of_targets(&format!(
        "ok = \"{}\", moved = {{ url = \"{}\", words = \"well\" }}, elsewhere = \"{}\", out = \"{}\", teapot = {{ url = \"{}\", status = [503] }}, \
         wordless = {{ url = \"{}\", words = \"ill\" }}, db = \"tcp://127.0.0.1:{port}\", gone = \"tcp://127.0.0.1:{closed}\", \
         lost = \"http://127.0.0.1:{closed}/?key=hunter2\", name = \"dns://localhost\", nowhere = \"dns://nowhere.invalid\", \
         nosite = \"https://nowhere.invalid/\", around = \"{}\"",
        url("ok"),
        url("moved"),
        url("elsewhere"),
        url("out"),
        url("out"),
        url("ok"),
        url("around"),
    ));
    for up in ["ok", "moved", "elsewhere", "teapot", "db", "name", "{target}"] {
        let (state, note) = state(&sources, up).await;
        assert_eq!(state, HealthState::Good, "{up}: {note}");
        assert!(note.ends_with(" ms"), "{note}");
    }
    for (down, why) in [
        ("out", "answered 503"),
        ("wordless", "the words are not in its answer"),
        ("gone", "refuses connections"),
        ("lost", "refuses connections"),
        ("nowhere", "its name cannot be resolved"),
        ("nosite", "its name cannot be resolved"),
        ("around", "leads from redirect to redirect"),
    ] {
        assert_eq!(state(&sources, down).await, (HealthState::Bad, why.to_owned()), "{down}");
    }
    let stalls = within("300ms", &format!("stalls = \"{}\"", url("stalls")));
    assert_eq!(state(&stalls, "stalls").await, (HealthState::Bad, "does not answer within 300ms".to_owned()));
    let Ok(Reading::States(states)) = ask(&sources, "*").await else { panic!("no states") };
    assert_eq!(states.iter().filter(|state| state.state == HealthState::Good).count(), 6, "{states:?}");
    assert!(
        states
            .iter()
            .all(|state| !state.note.as_ref().is_some_and(|note| note.contains("127.0.0") || note.contains("hunter2")))
    );
    assert!(matches!(ask(&sources, "ok latency").await, Ok(Reading::Number(millis)) if millis >= 0.0));
    assert!(matches!(ask(&sources, "gone latency").await, Ok(Reading::Number(millis)) if millis.is_nan()));
    assert!(matches!(ask(&sources, "* latency").await, Ok(Reading::Numbers(numbers)) if numbers.len() == 13));
}

#[tokio::test]
async fn many_queries_of_a_second_try_a_target_once() {
    let server = MockHttpServer::of("1").await;
    // It stands still, however slow the machine is.
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(0)));
    let sources = on_clock(&(Arc::clone(&clock) as _), "1m", &format!("ok = \"http://127.0.0.1:{}/\"", server.port));
    let queries = ["ok", "*", "ok latency", "* latency"].map(|text| ask(&sources, text));
    assert!(futures::future::join_all(queries).await.iter().all(Result::is_ok));
    assert_eq!(server.first_lines().len(), 1);
    clock.advance(SHARED_FOR);
    assert!(ask(&sources, "ok").await.is_ok());
    assert_eq!(server.first_lines().len(), 2);
}

#[tokio::test]
async fn a_certificate_is_read_whether_or_not_it_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, other) = (TestAuthority::new(), TestAuthority::new());
    // Days are counted from its morning, also when they end meanwhile.
    let today = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / DAY.as_secs();
    let until = |authority: &TestAuthority, day: u64| authority.issue_for_days(&["localhost"], today - 30..day);
    let good = until(&ours, today + 90);
    let ca_file = ours.write(&good, folder.path()).unwrap();
    let mut servers = Vec::new();
    for identity in [good, until(&ours, today + 5), until(&ours, today - 3), until(&other, today + 90)] {
        servers.push(MockHttpServer::start(Some(identity.acceptor()), |_| MockReply::Bytes(http("200 OK", "1"))).await);
    }
    let target = |scheme: &str, at: usize, ca_file: &Path| {
        format!("{{ url = \"{scheme}://localhost:{}\", ca_file = \"{}\" }}", servers[at].port, ca_file.display())
    };
    for scheme in ["https", "tls"] {
        let targets = ["good", "ends", "ended", "foreign"].iter().enumerate();
        let targets: Vec<_> = targets.map(|(at, name)| format!("{name} = {}", target(scheme, at, &ca_file))).collect();
        let morning = Timestamp::from_millis(i64::try_from(today).unwrap() * 86_400_000 + 3_600_000);
        let targets = format!("{}, plain = \"tcp://localhost:{}\"", targets.join(", "), servers[0].port);
        let sources = on_clock(&(Arc::new(ManualClock::at(morning)) as _), "1m", &targets);
        assert_eq!(state(&sources, "good").await.0, HealthState::Good, "{scheme}");
        let (warned, note) = state(&sources, "ends").await;
        assert!(warned == HealthState::Warn && note.starts_with("its certificate ends in 4 days"), "{note}");
        let (ended, note) = state(&sources, "ended").await;
        assert!(ended == HealthState::Bad && note.contains("expired"), "{note}");
        let (foreign, note) = state(&sources, "foreign").await;
        assert!(foreign == HealthState::Bad && !note.is_empty(), "{note}");
        let Ok(Reading::Numbers(days)) = ask(&sources, "* certificate").await else { panic!("no numbers") };
        let days: Vec<_> = days.iter().map(|day| (day.label.as_str(), day.value)).collect();
        assert_eq!(days[0], ("good", 89.0), "{days:?}");
        assert_eq!((days.len(), days[1].1, days[3].1), (4, 4.0, 89.0), "{days:?}");
        assert!(days[2].1 < 0.0, "{days:?}");
        assert!(matches!(ask(&sources, "plain certificate").await, Ok(Reading::Number(days)) if days.is_nan()));
    }
}

#[tokio::test]
async fn a_ping_is_answered_or_it_is_said_that_this_system_sends_none() {
    let sources = of_targets("here = \"icmp://127.0.0.1\", six = \"icmp://[::1]\"");
    for name in ["here", "six"] {
        match state(&sources, name).await {
            (HealthState::Good, note) => assert!(note.ends_with(" ms"), "{note}"),
            (HealthState::Unknown, note) => assert!(note.contains("this system"), "{note}"),
            // A machine may have no IPv6.
            (_, note) => assert!(name == "six", "{note}"),
        }
    }
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_remedy() {
    let sources = of_targets("db = \"tcp://127.0.0.1:1\"");
    for (query, why) in [
        ("bd", "did you mean 'db'?"),
        ("db latncy", "did you mean 'latency'?"),
        ("", "a target's name or *"),
        ("db latency now", "a target's name or *"),
        ("d{target}", "mixes text and placeholders"),
    ] {
        let error = sources.check(&"up".parse().unwrap(), query).unwrap_err().0;
        assert!(error.contains(why), "{error}");
    }
    for (targets, why) in [
        ("", "names nothing"),
        ("a = \"db:5432\"", "has no host"),
        ("a = \"tcp://db\"", "has no port"),
        ("a = \"tcp://db:1/x\"", "more than is tried"),
        ("a = \"icmp://db:1\"", "more than is tried"),
        ("a = \"ftp://db/\"", "begins with none"),
        ("a = \"https://me:hunter2@db/\"", "a user or password"),
        ("\"a b\" = \"https://db/\"", "cannot be called"),
        ("\"*\" = \"https://db/\"", "cannot be called"),
        ("a = { url = \"tcp://db:1\", words = \"x\" }", "is of HTTP"),
        ("a = { url = \"https://db/\", status = [99] }", "less than 100"),
        ("a = { url = \"https://db/\", wrds = \"x\" }", "`words`"),
    ] {
        let faults = read_sources(&format!("[default.sources.up]\nkind = \"probe\"\ntargets = {{ {targets} }}\n"));
        let faults = faults.unwrap_err().render(false);
        assert!(faults.contains(why), "{targets}: {faults}");
    }
}
