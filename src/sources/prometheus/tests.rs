#![allow(clippy::unwrap_used)]

use std::fs;
use std::time::Duration;

use super::*;
use crate::audit::log_capture::LogCapture;
use crate::domain::{LabelledNumber, ManualClock, SystemClock};
use crate::sources::filter_workers::tests::on_threads;
use crate::sources::http_client::tests::mock_server::{MockHttpServer, MockReply, answer, settings};
use crate::sources::settings::tests::read as read_toml;
use crate::store::tests::{free_port, server_process};

#[path = "../../../tests/belvedere/harness/prometheus.rs"]
mod prometheus_server;

use prometheus_server::PrometheusServer;

/// Values by which visitors try to be told more than one label's.
const HOSTILE: [&str; 12] = [
    "\"",
    "\"} or up{x!=\"",
    "'} or up{x!='",
    "\\",
    "\\\"} or up{x!=\\\"",
    ".*",
    ".+|",
    "(?i).*",
    "a\nb",
    "[^a]*",
    "`",
    "\u{0}",
];

fn opened(settings: HttpClientSettings, dialect: Dialect) -> Box<dyn Source> {
    PrometheusSettings { client: settings, dialect }.open(&(Arc::new(SystemClock) as _), &on_threads()).unwrap()
}

fn from_toml(toml: &str) -> Box<dyn Source> {
    read_toml(toml).unwrap().0[0].open(&(Arc::new(SystemClock) as _), &on_threads()).unwrap()
}

fn prometheus(url: &str) -> Box<dyn Source> {
    opened(settings(url), Dialect::PromQl)
}

fn query(text: &str, values: &[(&str, &str)]) -> BoundQuery {
    let bindings = values.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    BoundQuery { source: "metrics".parse().unwrap(), text: text.to_owned(), bindings }
}

async fn number(source: &dyn Source, text: &str, values: &[(&str, &str)]) -> Result<f64, SourceError> {
    match source.execute(&query(text, values)).await? {
        Reading::Number(value) => Ok(value),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_real_server_is_asked_for_the_present_and_for_the_past() {
    let Some(server) = PrometheusServer::start() else { return };
    let source = from_toml(&format!("[default.sources.metrics]\nkind = \"prometheus\"\nurl = \"{}\"\n", server.url()));
    let Reading::Numbers(up) = source.execute(&query("up{job=\"$job\"}", &[("job", "node")])).await.unwrap() else {
        panic!("no numbers")
    };
    let [LabelledNumber { label, value: 1.0 }] = up.as_slice() else { panic!("{up:?}") };
    assert!(label.starts_with("127.0.0.1:"), "the job is the query's own word: {label}");
    assert!(number(&*source, "sum(node_load1)", &[]).await.unwrap() >= 0.0);
    assert_eq!(number(&*source, "scalar(vector($least))", &[("least", "2.5")]).await.unwrap().to_bits(), 2.5f64.to_bits());
    assert!(number(&*source, "0 / 0", &[]).await.unwrap().is_nan());
    let Reading::Series(cpu) = source.execute(&query("node_load1[$window]", &[("window", "1h")])).await.unwrap() else {
        panic!("no series")
    };
    assert!(!cpu.times().is_empty());

    let now = Timestamp::from_millis(1_800_000_000_123);
    let range = TimeRange::ending_at(now, Duration::from_mins(15)).with_step(Duration::from_secs(5));
    let past = source.execute_range(&query("time()", &[]), range).await.unwrap().unwrap();
    assert_eq!((past.times().len(), past.lines().len()), (181, 1));
    assert_eq!(past.times()[0], Timestamp::from_millis(1_799_999_100_000), "the step's multiple before the beginning");
    let month = TimeRange::ending_at(now, Duration::from_hours(24 * 30)).with_step(Duration::from_secs(1));
    let past = source.execute_range(&query("time()", &[]), month).await.unwrap().unwrap();
    assert!(past.times().len() <= 4_001, "{}", past.times().len());
    assert_eq!(source.execute_range(&query("node_load1[5m]", &[]), range).await, Ok(None));

    for text in [
        "count(up{instance=\"$x\"}) or vector(0)",
        "count(up{instance=~\"$x\"}) or vector(0)",
        "count(up{instance=~`$x`}) or vector(0)",
    ] {
        for value in HOSTILE {
            assert_eq!(number(&*source, text, &[("x", value)]).await, Ok(0.0), "{text} {value:?}");
        }
        assert_eq!(number(&*source, text, &[("x", label)]).await, Ok(1.0), "{text}");
    }
    let other = opened(settings(&server.url()), Dialect::MetricsQl);
    let error = other.execute(&query("range_median(up)", &[])).await.unwrap_err();
    assert!(matches!(&error, SourceError::BadQuery(why) if why.contains("says: ") && why.contains("range_median")), "{error}");
    let wide = source.execute(&query("vector(1) and {__name__=~\".+\"}", &[])).await;
    assert!(wide.is_ok(), "{wide:?}");
    let small = prometheus(&server.url());
    let large = small.execute(&query("{__name__=~\".+\"}", &[])).await.unwrap_err();
    assert!(matches!(&large, SourceError::TooLarge(why) if why.contains("max_bytes")), "{large}");
}

/// `hunter2`
const HASHED_PASSWORD: &str = "$2b$04$RUPtum2/zZeFSrl9oVyluuEtkKc2H4Tzt3XT3g0X2QLPjjk.mswO.";

#[tokio::test]
async fn a_real_server_is_shown_a_certificate_and_a_password() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    fs::write(path("ca.pem"), authority.self_signed(&authority_key).unwrap().pem()).unwrap();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    for (name, usage) in
        [("server", rcgen::ExtendedKeyUsagePurpose::ServerAuth), ("client", rcgen::ExtendedKeyUsagePurpose::ClientAuth)]
    {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        fs::write(path(&format!("{name}.pem")), params.signed_by(&key, &issuer).unwrap().pem()).unwrap();
        fs::write(path(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }
    let files = folder.path().display();
    let web_config = format!(
        "tls_server_config: {{ cert_file: {files}/server.pem, key_file: {files}/server.key, client_ca_file: {files}/ca.pem, \
         client_auth_type: RequireAndVerifyClientCert }}\nbasic_auth_users: {{ belvedere: \"{HASHED_PASSWORD}\" }}\n"
    );
    let Some(server) = PrometheusServer::with_web_config(&web_config) else { return };
    let toml = |password: &str, certificate: &str| {
        format!(
            "[default.sources.metrics]\nkind = \"prometheus\"\nurl = \"https://127.0.0.1:{}\"\nca_file = \"{files}/ca.pem\"\n\
             user = \"belvedere\"\npassword = \"{password}\"\n{certificate}",
            server.port()
        )
    };
    let certificate = format!("client_certificate_file = \"{files}/client.pem\"\nclient_key_file = \"{files}/client.key\"\n");
    let ask = async |toml: String| number(&*from_toml(&toml), "vector(1)", &[]).await;
    let mut answered = ask(toml("hunter2", &certificate)).await;
    let began = std::time::Instant::now();
    while answered.is_err() && began.elapsed() < Duration::from_mins(1) {
        // It is still starting.
        tokio::time::sleep(Duration::from_millis(50)).await;
        answered = ask(toml("hunter2", &certificate)).await;
    }
    assert_eq!(answered, Ok(1.0));
    assert!(matches!(ask(toml("wrong", &certificate)).await, Err(SourceError::Refused(_))));
    let without = ask(toml("hunter2", "")).await;
    assert!(matches!(without, Err(SourceError::Unreachable(_) | SourceError::BadAnswer(_))), "{without:?}");
}

#[tokio::test]
async fn the_query_is_posted_below_the_address_that_the_admin_wrote() {
    let body = br#"{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}"#;
    let server = MockHttpServer::start(None, |_| MockReply::Bytes(answer("200 OK", "", body))).await;
    for path in ["", "/", "/prom", "/prom/", "/{tenant}/prometheus?partial_response=false"] {
        let source = prometheus(&format!("http://127.0.0.1:{}{path}", server.port));
        assert_eq!(number(&*source, "1", &[("tenant", "a/b")]).await, Ok(1.0), "{path}");
    }
    let asked = |path: &str| format!("POST {path} HTTP/1.1");
    assert_eq!(
        server.first_lines(),
        [
            "/api/v1/query",
            "/api/v1/query",
            "/prom/api/v1/query",
            "/prom/api/v1/query",
            "/a%2Fb/prometheus/api/v1/query?partial_response=false"
        ]
        .map(asked)
    );
    let source = prometheus(&format!("http://127.0.0.1:{}/{{tenant}}", server.port));
    let used: Vec<_> = source.check("up{host=\"$host\"}").unwrap().into_iter().map(|used| used.key).collect();
    assert_eq!(used, ["tenant", "host"]);
    assert!(source.check("up up").unwrap_err().0.contains("from character 4 on"));
}

#[tokio::test]
async fn warnings_that_always_differ_fill_no_log() {
    let paper = LogCapture::new();
    let log = tracing_subscriber::fmt().json().with_writer(paper.clone()).finish();
    let _written = tracing::subscriber::set_default(log);
    let count = std::sync::atomic::AtomicUsize::new(0);
    let server = MockHttpServer::start(None, move |_| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        let data = r#""data":{"resultType":"scalar","result":[1,"1"]}"#;
        let body = format!(r#"{{"status":"success","warnings":["store {number} is down"],{data}}}"#);
        MockReply::Bytes(answer("200 OK", "", body.as_bytes()))
    })
    .await;
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(0)));
    let client = settings(&format!("http://127.0.0.1:{}/", server.port));
    let settings = PrometheusSettings { client, dialect: Dialect::PromQl };
    let source = settings.open(&(Arc::clone(&clock) as _), &on_threads()).unwrap();
    for _ in 0..3 {
        assert_eq!(number(&*source, "1", &[]).await, Ok(1.0));
    }
    clock.advance(Duration::from_mins(1));
    assert_eq!(number(&*source, "1", &[]).await, Ok(1.0));
    let text = paper.text();
    assert!(text.contains("store 0 is down") && text.contains("store 3 is down"), "{text}");
    assert!(!text.contains("store 1 is down") && !text.contains("store 2 is down"), "{text}");
}

#[tokio::test]
async fn each_failure_is_of_its_own_sort() {
    let sort = async |reply: Vec<u8>| {
        let server = MockHttpServer::start(None, move |_| MockReply::Bytes(reply.clone())).await;
        prometheus(&format!("http://127.0.0.1:{}/", server.port)).execute(&query("up", &[])).await.unwrap_err()
    };
    assert!(matches!(sort(answer("401 No", "", b"")).await, SourceError::Refused(_)));
    assert!(matches!(sort(answer("503 Out", "Retry-After: 60\r\n", b"")).await, SourceError::AskedToWait(_)));
    assert!(matches!(sort(answer("502 Bad", "", b"<html>")).await, SourceError::BadAnswer(_)));
    assert!(matches!(sort(answer("200 OK", "", b"{\"status\":\"succ")).await, SourceError::BadAnswer(_)));
    assert!(matches!(sort(answer("302 Found", "Location: /login\r\n", b"")).await, SourceError::BadAnswer(_)));
    let refused = br#"{"status":"error","errorType":"bad_data","error":"unknown position"}"#;
    assert!(matches!(sort(answer("400 Bad", "", refused)).await, SourceError::BadQuery(_)));
}
