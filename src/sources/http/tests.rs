#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::config::Secret;
use crate::domain::{ManualClock, SystemClock, Timestamp};

/// The reaction of the mock server to a request.
#[derive(Clone)]
enum MockReply {
    /// Sends these bytes and hangs up.
    Bytes(Vec<u8>),
    /// Sends these bytes and then nothing, for ever.
    Stall(Vec<u8>),
    /// Sends these bytes again and again until the client hangs up.
    Endless(Vec<u8>),
}

/// A mock web server on a port of its own, which records the heads of the requests it gets.
struct MockHttpServer {
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for MockHttpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl MockHttpServer {
    async fn start(tls: Option<TlsAcceptor>, reply: impl Fn(&str) -> MockReply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (noted, reply) = (Arc::clone(&requests), Arc::new(reply));
        let task = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (noted, reply, tls) = (Arc::clone(&noted), Arc::clone(&reply), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve_connection(stream, &noted, &*reply).await,
                        // A client that does not trust us hangs up here, as it should.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve_connection(stream, &noted, &*reply).await;
                            }
                        }
                    }
                });
            }
        });
        Self { port, requests, task }
    }

    /// A server that answers every request with this JSON.
    async fn of(json: &'static str) -> Self {
        Self::start(None, move |_| MockReply::Bytes(ok(json))).await
    }

    fn first_lines(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests.iter().map(|head| head.lines().next().unwrap_or_default().to_owned()).collect()
    }
}

async fn serve_connection(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    noted: &Mutex<Vec<String>>,
    reply: &(impl Fn(&str) -> MockReply + Sync),
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    noted.lock().unwrap().push(head.clone());
    // The client may hang up at any time; that is what some tests are about.
    match reply(&head) {
        MockReply::Bytes(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        MockReply::Stall(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.flush().await;
            std::future::pending::<()>().await;
        }
        MockReply::Endless(bytes) => while stream.write_all(&bytes).await.is_ok() {},
    }
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut bytes = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn ok(json: &str) -> Vec<u8> {
    answer("200 OK", "", json.as_bytes())
}

fn redirect(to: &str) -> MockReply {
    MockReply::Bytes(answer("302 Found", &format!("Location: {to}\r\n"), b""))
}

fn settings(url: &str) -> HttpSourceSettings {
    HttpSourceSettings {
        url: url.parse().unwrap(),
        headers: vec![("X-Api-Key".to_owned(), Secret::new("hunter2".to_owned()))],
        ca_file: None,
        timeout: Duration::from_secs(20),
        max_bytes: 10_000,
    }
}

async fn fetch(settings: &HttpSourceSettings, filter: &str, values: &[(&str, &str)]) -> Result<Reading, String> {
    let http = Http::open(settings, Arc::new(SystemClock)).unwrap();
    http.execute(&query(filter, values)).await.map_err(|error| error.to_string())
}

fn query(filter: &str, values: &[(&str, &str)]) -> BoundQuery {
    let bindings = values.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    BoundQuery { source: "stock".parse().unwrap(), text: filter.to_owned(), bindings }
}

#[tokio::test]
async fn a_number_is_fetched_with_the_admins_headers() {
    let server = MockHttpServer::of(r#"{"price":4.5}"#).await;
    let url = format!("http://127.0.0.1:{}/price", server.port);
    assert_eq!(fetch(&settings(&url), ".price", &[]).await, Ok(Reading::Number(4.5)));
    let head = server.requests.lock().unwrap()[0].to_lowercase();
    assert!(head.contains("x-api-key: hunter2") && head.contains("accept: application/json"), "{head}");
    assert!(head.contains("user-agent: belvedere/") && head.contains("accept-encoding: gzip"), "{head}");
}

#[tokio::test]
async fn chosen_values_arrive_as_one_segment_and_one_query_value() {
    let server = MockHttpServer::of("1").await;
    let url = format!("http://127.0.0.1:{}/items/{{city}}/price?q={{city}}&key=1", server.port);
    for escape in ["a/../../b", "%2f", "a&key=2", "a#b", "a?b", "Zürich HB", "a\r\nX-Evil: 1"] {
        assert_eq!(fetch(&settings(&url), ".", &[("city", escape)]).await, Ok(Reading::Number(1.0)), "{escape}");
    }
    assert_eq!(
        server.first_lines(),
        [
            "GET /items/a%2F..%2F..%2Fb/price?q=a%2F..%2F..%2Fb&key=1 HTTP/1.1",
            "GET /items/%252f/price?q=%252f&key=1 HTTP/1.1",
            "GET /items/a%26key%3D2/price?q=a%26key%3D2&key=1 HTTP/1.1",
            "GET /items/a%23b/price?q=a%23b&key=1 HTTP/1.1",
            "GET /items/a%3Fb/price?q=a%3Fb&key=1 HTTP/1.1",
            "GET /items/Z%C3%BCrich%20HB/price?q=Z%C3%BCrich%20HB&key=1 HTTP/1.1",
            "GET /items/a%0D%0AX-Evil%3A%201/price?q=a%0D%0AX-Evil%3A%201&key=1 HTTP/1.1",
        ]
    );
    assert!(fetch(&settings(&url), ".", &[("city", "..")]).await.unwrap_err().contains("'.' or '..'"));
    assert_eq!(server.first_lines().len(), 7, "a value that is refused is not sent");
}

#[tokio::test]
async fn a_bad_status_is_told_with_host_and_number_and_nothing_more() {
    let server = MockHttpServer::start(None, |_| MockReply::Bytes(answer("503 Out", "", b"{\"secret\":1}"))).await;
    let url = format!("http://127.0.0.1:{}/x?key=hunter2", server.port);
    let error = fetch(&settings(&url), ".", &[]).await.unwrap_err();
    assert_eq!(error, format!("127.0.0.1:{} answered 503", server.port));
}

#[tokio::test]
async fn each_failure_is_of_its_own_sort() {
    let sort = async |reply: &'static str, filter: &str, values: &[(&str, &str)]| {
        let server = MockHttpServer::start(None, move |_| MockReply::Bytes(reply.as_bytes().to_vec())).await;
        let url = format!("http://127.0.0.1:{}/", server.port);
        let http = Http::open(&settings(&url), Arc::new(SystemClock)).unwrap();
        http.execute(&query(filter, values)).await.unwrap_err()
    };
    let answered = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n[1,2,3]";
    for denied in ["HTTP/1.1 401 No\r\n\r\n", "HTTP/1.1 403 No\r\n\r\n"] {
        assert!(matches!(sort(denied, ".", &[]).await, SourceError::Refused(_)), "{denied}");
    }
    assert!(matches!(sort("HTTP/1.1 503 Out\r\n\r\n", ".", &[]).await, SourceError::BadAnswer(_)));
    assert!(matches!(sort(answered, ".a", &[]).await, SourceError::BadAnswer(_)), "the answer is not what was expected");
    assert!(matches!(sort(answered, ".[", &[]).await, SourceError::BadQuery(_)));
    assert!(matches!(sort(answered, ".[$city]", &[]).await, SourceError::BadQuery(_)), "a value is missing");
    assert!(matches!(sort(answered, "[range(20000)]", &[]).await, SourceError::TooLarge(_)));
    assert!(matches!(sort(answered, "def f: f; f", &[]).await, SourceError::OverLimits(_)));
    let nobody = fetch_error("http://nowhere.invalid/").await;
    assert!(matches!(nobody, SourceError::Unreachable(_)), "{nobody}");
}

async fn fetch_error(url: &str) -> SourceError {
    let http = Http::open(&settings(url), Arc::new(SystemClock)).unwrap();
    http.execute(&query(".", &[])).await.unwrap_err()
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_apart_from_one_without_an_address() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let error = fetch(&settings(&format!("http://127.0.0.1:{port}/?key=hunter2")), ".", &[]).await.unwrap_err();
    assert_eq!(error, format!("127.0.0.1:{port} refused the connection"));
    let error = fetch(&settings("http://nowhere.invalid/?key=hunter2"), ".", &[]).await.unwrap_err();
    assert_eq!(error, "nowhere.invalid has no address: its name cannot be resolved");
}

#[tokio::test]
async fn the_deadline_covers_the_answer_to_its_last_byte() {
    for begun in [&b""[..], b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[1,"] {
        let server = MockHttpServer::start(None, move |_| MockReply::Stall(begun.to_vec())).await;
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(0)));
        let url = format!("http://127.0.0.1:{}/", server.port);
        let http = Http::open(&settings(&url), Arc::<ManualClock>::clone(&clock)).unwrap();
        let query = query(".", &[]);
        let waiting = async {
            let error = http.execute(&query).await.unwrap_err();
            assert_eq!(error.to_string(), format!("127.0.0.1:{} did not answer within 20s", server.port));
        };
        let moving = async {
            while server.requests.lock().unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
            clock.advance(Duration::from_secs(20));
        };
        tokio::join!(waiting, moving);
    }
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_cut_off_whether_it_says_so_or_not() {
    let endless =
        |head: &'static str| move |_: &str| MockReply::Endless([head.as_bytes(), "x".repeat(4096).as_bytes()].concat());
    for head in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"] {
        let server = MockHttpServer::start(None, endless(head)).await;
        let error = fetch(&settings(&format!("http://127.0.0.1:{}/", server.port)), ".", &[]).await.unwrap_err();
        assert!(error.contains("sent more than the 10000 bytes allowed"), "{error}");
    }
}

#[tokio::test]
async fn a_packed_answer_is_unpacked_and_counted_as_it_grows() {
    let packed = |body: &[u8]| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(body).unwrap();
        packer.finish().unwrap()
    };
    let serve = async |bytes: Vec<u8>| {
        let server =
            MockHttpServer::start(None, move |_| MockReply::Bytes(answer("200 OK", "Content-Encoding: gzip\r\n", &bytes)))
                .await;
        fetch(&settings(&format!("http://127.0.0.1:{}/", server.port)), ".", &[]).await
    };
    assert_eq!(serve(packed(b"[1]")).await, fetch_from_mock("[1]").await);
    let bomb = packed(&vec![b' '; 50_000_000]);
    assert!(bomb.len() < 100_000);
    assert!(serve(bomb).await.unwrap_err().contains("sent more than the 10000 bytes allowed"));
    assert!(serve(b"no gzip at all".to_vec()).await.unwrap_err().contains("cannot be unpacked"));
}

async fn fetch_from_mock(json: &'static str) -> Result<Reading, String> {
    let server = MockHttpServer::of(json).await;
    fetch(&settings(&format!("http://127.0.0.1:{}/", server.port)), ".", &[]).await
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer() {
    let server =
        MockHttpServer::start(None, |_| MockReply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[1,".to_vec())).await;
    let error = fetch(&settings(&format!("http://127.0.0.1:{}/", server.port)), ".", &[]).await.unwrap_err();
    assert_eq!(error, format!("127.0.0.1:{} broke off in the middle of its answer", server.port));
    let server = MockHttpServer::start(None, |_| MockReply::Bytes(b"SSH-2.0-OpenSSH\r\n".to_vec())).await;
    let error = fetch(&settings(&format!("http://127.0.0.1:{}/", server.port)), ".", &[]).await.unwrap_err();
    assert_eq!(error, format!("127.0.0.1:{} did not answer as a web server does", server.port));
}

#[tokio::test]
async fn a_redirect_is_followed_at_home_and_nowhere_else() {
    let home =
        MockHttpServer::start(
            None,
            |head| {
                if head.starts_with("GET /old ") { redirect("/new") } else { MockReply::Bytes(ok("7")) }
            },
        )
        .await;
    let url = format!("http://127.0.0.1:{}/old", home.port);
    assert_eq!(fetch(&settings(&url), ".", &[]).await, Ok(Reading::Number(7.0)));

    let elsewhere = MockHttpServer::of("8").await;
    let target = format!("http://127.0.0.1:{}/x?key=hunter2", elsewhere.port);
    let sending = MockHttpServer::start(None, move |_| redirect(&target)).await;
    let error = fetch(&settings(&format!("http://127.0.0.1:{}/", sending.port)), ".", &[]).await.unwrap_err();
    assert!(error.contains(&format!("a redirect to http://127.0.0.1:{}, which is not followed", elsewhere.port)), "{error}");
    assert!(!error.contains("hunter2"));
    assert!(elsewhere.requests.lock().unwrap().is_empty(), "no header may reach another host");

    let circling = MockHttpServer::start(None, |_| redirect("/again")).await;
    let error = fetch(&settings(&format!("http://127.0.0.1:{}/", circling.port)), ".", &[]).await.unwrap_err();
    assert!(error.ends_with("sent more than 3 redirects"), "{error}");
}

/// A certificate for `name`, valid since 1975 until `until`, as a server's TLS and as a PEM file that trusts it.
fn certificate(name: &str, until: i32, folder: &tempfile::TempDir) -> (TlsAcceptor, PathBuf) {
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let file = folder.path().join(format!("{name}-{until}.pem"));
    std::fs::write(&file, certificate.pem()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), file)
}

#[tokio::test]
async fn a_certificate_is_verified_and_what_is_wrong_with_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (good, trusted) = certificate("127.0.0.1", 3000, &folder);
    let (_, other) = certificate("other.corp", 3000, &folder);
    let (expired, expired_file) = certificate("127.0.0.1", 2001, &folder);
    let (misnamed, misnamed_file) = certificate("else.corp", 3000, &folder);
    let serve = async |tls: &TlsAcceptor, ca_file: Option<&PathBuf>| {
        let server = MockHttpServer::start(Some(tls.clone()), |_| MockReply::Bytes(ok("9"))).await;
        let mut settings = settings(&format!("https://127.0.0.1:{}/", server.port));
        settings.ca_file = ca_file.cloned();
        let result = fetch(&settings, ".", &[]).await;
        assert_eq!(server.requests.lock().unwrap().len(), usize::from(result.is_ok()), "headers went out: {result:?}");
        result
    };
    assert_eq!(serve(&good, Some(&trusted)).await, Ok(Reading::Number(9.0)));
    let error = serve(&good, Some(&other)).await.unwrap_err();
    assert!(error.contains("cannot be trusted: nobody known here signed its certificate; set ca_file"), "{error}");
    let error = serve(&expired, Some(&expired_file)).await.unwrap_err();
    assert!(error.ends_with("cannot be trusted: its certificate has expired"), "{error}");
    let error = serve(&misnamed, Some(&misnamed_file)).await.unwrap_err();
    assert!(error.ends_with("cannot be trusted: its certificate is for another name"), "{error}");
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_gets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (_, file) = certificate("127.0.0.1", 3000, &folder);
    let server = MockHttpServer::start(None, |_| MockReply::Bytes(ok("1"))).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let plain = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let mut settings = settings(&format!("https://127.0.0.1:{port}/"));
    settings.ca_file = Some(file);
    let error = fetch(&settings, ".", &[]).await.unwrap_err();
    assert!(error.starts_with(&format!("127.0.0.1:{port} cannot be trusted: TLS failed")), "{error}");
    plain.await.unwrap();
    drop(server);
}

#[test]
fn placeholders_of_the_url_and_of_the_filter_are_told_together() {
    let http = Http::open(&settings("http://stock.corp/{city.zone}?q={city}"), Arc::new(SystemClock)).unwrap();
    let used: Vec<_> = http.check(".[$city] | .[$colour]").unwrap().into_iter().map(|used| used.key).collect();
    assert_eq!(used, ["city.zone", "city", "colour"]);
    assert!(http.check(".[").is_err());
}

#[tokio::test]
async fn an_answer_that_is_no_json_names_its_host() {
    let error = fetch_from_mock("<html>").await.unwrap_err();
    assert!(
        error.starts_with("127.0.0.1:") && error.ends_with("not answer with JSON, but a web page (line 1, column 1)"),
        "{error}"
    );
}
