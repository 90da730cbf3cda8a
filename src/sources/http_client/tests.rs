#![allow(clippy::unwrap_used)]

pub(in crate::sources) mod mock_server;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use self::mock_server::{MockHttpServer, MockReply, answer, ok, redirect, settings};
use super::*;
use crate::domain::{Bindings, CertificateFingerprint, Clock as _, ManualClock, SystemClock, Timestamp};
use crate::sources::SourceError;
use crate::store::tests::free_port::free_port;

async fn fetch(settings: &HttpClientSettings) -> Result<String, String> {
    let client = HttpClient::open(settings, &(Arc::new(SystemClock) as _)).unwrap();
    let body = get(&client, client.url_template().bind(&Bindings::new()).unwrap()).await;
    body.map(|body| String::from_utf8(body).unwrap()).map_err(|error| error.to_string())
}

async fn get(client: &HttpClient, url: url::Url) -> Result<Vec<u8>, SourceError> {
    client.send(HttpRequest::get(url)).await.map(|response| response.body)
}

#[tokio::test]
async fn a_bad_status_is_told_with_host_and_number_and_nothing_more() {
    let server = MockHttpServer::start(None, |_| MockReply::Bytes(answer("503 Out", "", b"{\"secret\":1}"))).await;
    let url = format!("http://127.0.0.1:{}/x?key=hunter2", server.port);
    let error = fetch(&settings(&url)).await.unwrap_err();
    assert_eq!(error, format!("127.0.0.1:{} answered 503", server.port));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_apart_from_one_without_an_address() {
    let port = free_port().unwrap();
    let error = fetch(&settings(&format!("http://127.0.0.1:{port}/?key=hunter2"))).await.unwrap_err();
    assert_eq!(error, format!("127.0.0.1:{port} refused the connection"));
    let error = fetch(&settings("http://nowhere.invalid/?key=hunter2")).await.unwrap_err();
    assert_eq!(error, "nowhere.invalid has no address: its name cannot be resolved");
}

#[tokio::test]
async fn the_deadline_covers_the_answer_to_its_last_byte() {
    for begun in [&b""[..], b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[1,"] {
        let server = MockHttpServer::start(None, move |_| MockReply::Stall(begun.to_vec())).await;
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(0)));
        let url = format!("http://127.0.0.1:{}/", server.port);
        let client = HttpClient::open(&settings(&url), &(Arc::clone(&clock) as _)).unwrap();
        let waiting = async {
            let error = get(&client, url.parse().unwrap()).await.unwrap_err();
            assert!(matches!(error, SourceError::TimedOut(_)));
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
        let error = fetch(&settings(&format!("http://127.0.0.1:{}/", server.port))).await.unwrap_err();
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
        fetch(&settings(&format!("http://127.0.0.1:{}/", server.port))).await
    };
    assert_eq!(serve(packed(b"[1]")).await, Ok("[1]".to_owned()));
    let bomb = packed(&vec![b' '; 50_000_000]);
    assert!(bomb.len() < 100_000);
    assert!(serve(bomb).await.unwrap_err().contains("sent more than the 10000 bytes allowed"));
    assert!(serve(b"no gzip at all".to_vec()).await.unwrap_err().contains("cannot be unpacked"));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_answer() {
    let server =
        MockHttpServer::start(None, |_| MockReply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[1,".to_vec())).await;
    let error = fetch(&settings(&format!("http://127.0.0.1:{}/", server.port))).await.unwrap_err();
    assert_eq!(error, format!("127.0.0.1:{} broke off in the middle of its answer", server.port));
    let server = MockHttpServer::start(None, |_| MockReply::Bytes(b"SSH-2.0-OpenSSH\r\n".to_vec())).await;
    let error = fetch(&settings(&format!("http://127.0.0.1:{}/", server.port))).await.unwrap_err();
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
    assert_eq!(fetch(&settings(&url)).await, Ok("7".to_owned()));

    let elsewhere = MockHttpServer::of("8").await;
    let target = format!("http://127.0.0.1:{}/x?key=hunter2", elsewhere.port);
    let sending = MockHttpServer::start(None, move |_| redirect(&target)).await;
    let error = fetch(&settings(&format!("http://127.0.0.1:{}/", sending.port))).await.unwrap_err();
    assert!(error.contains(&format!("a redirect to http://127.0.0.1:{}, which is not followed", elsewhere.port)), "{error}");
    assert!(!error.contains("hunter2"));
    assert!(elsewhere.requests.lock().unwrap().is_empty(), "no header may reach another host");

    let circling = MockHttpServer::start(None, |_| redirect("/again")).await;
    let error = fetch(&settings(&format!("http://127.0.0.1:{}/", circling.port))).await.unwrap_err();
    assert!(error.ends_with("sent more than 3 redirects"), "{error}");
}

/// A certificate for `name`, valid since 1975 until `until`, as a server's TLS and as a PEM file that trusts it.
fn certificate(name: &str, until: i32, folder: &tempfile::TempDir) -> (TlsAcceptor, PathBuf) {
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    accept_with(&params, &folder.path().join(format!("{name}-{until}.pem")))
}

fn accept_with(params: &rcgen::CertificateParams, file: &Path) -> (TlsAcceptor, PathBuf) {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    std::fs::write(file, certificate.pem()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), file.to_owned())
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
        let result = fetch(&settings).await;
        assert_eq!(server.requests.lock().unwrap().len(), usize::from(result.is_ok()), "headers went out: {result:?}");
        result
    };
    assert_eq!(serve(&good, Some(&trusted)).await, Ok("9".to_owned()));
    let error = serve(&good, Some(&other)).await.unwrap_err();
    assert!(error.contains("cannot be trusted: its certificate is from an unknown CA"), "{error}");
    assert!(error.contains("ca_file"), "{error}");
    let error = serve(&expired, Some(&expired_file)).await.unwrap_err();
    assert!(error.contains("cannot be trusted: its certificate, or one above it, has expired on 2001-01-01"), "{error}");
    let error = serve(&misnamed, Some(&misnamed_file)).await.unwrap_err();
    assert!(error.contains("cannot be trusted: its certificate is for another host name"), "{error}");
}

#[tokio::test]
async fn what_openssl_makes_is_trusted_from_the_file_and_a_fingerprint_pins_one_certificate_whatever_its_names() {
    let folder = tempfile::tempdir().unwrap();
    let (own_authority, own_file) = self_signed_authority("127.0.0.1", &folder);
    let (other, other_file) = self_signed_authority("ups.corp", &folder);
    let fingerprint = |file: &PathBuf| {
        let certificate = CertificateDer::from_pem_file(file).unwrap();
        CertificateFingerprint::of_der(&certificate)
    };
    let serve = async |tls: &TlsAcceptor, change: &dyn Fn(&mut HttpClientSettings)| {
        let server = MockHttpServer::start(Some(tls.clone()), |_| MockReply::Bytes(ok("9"))).await;
        let mut settings = settings(&format!("https://127.0.0.1:{}/", server.port));
        change(&mut settings);
        fetch(&settings).await
    };
    assert_eq!(serve(&own_authority, &|settings| settings.ca_file = Some(own_file.clone())).await, Ok("9".to_owned()));
    let error = serve(&other, &|settings| settings.ca_file = Some(other_file.clone())).await.unwrap_err();
    assert!(error.contains(&format!("tls_fingerprint = \"{}\"", fingerprint(&other_file))), "{error}");
    assert_eq!(serve(&other, &|settings| settings.tls_fingerprint = vec![fingerprint(&other_file)]).await, Ok("9".to_owned()));
    let error = serve(&other, &|settings| settings.tls_fingerprint = vec![fingerprint(&own_file)]).await.unwrap_err();
    assert!(error.contains("not the one that tls_fingerprint names"), "{error}");
}

/// What `openssl req -x509` makes: a certificate that is its own authority.
fn self_signed_authority(name: &str, folder: &tempfile::TempDir) -> (TlsAcceptor, PathBuf) {
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    accept_with(&params, &folder.path().join(format!("{name}-ca.pem")))
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
    let error = fetch(&settings).await.unwrap_err();
    assert!(error.contains("it does not speak TLS at this port") && error.contains("write http://"), "{error}");
    plain.await.unwrap();
    drop(server);
}

#[tokio::test]
async fn a_url_of_another_destination_gets_nothing() {
    let (server, elsewhere) = (MockHttpServer::of("1").await, MockHttpServer::of("2").await);
    let client =
        HttpClient::open(&settings(&format!("http://127.0.0.1:{}/", server.port)), &(Arc::new(SystemClock) as _)).unwrap();
    assert_eq!(get(&client, format!("http://127.0.0.1:{}/other", server.port).parse().unwrap()).await, Ok(b"1".to_vec()));
    for url in [format!("http://127.0.0.1:{}/?key=hunter2", elsewhere.port), format!("https://127.0.0.1:{}/", server.port)] {
        let error = get(&client, url.parse().unwrap()).await.unwrap_err();
        assert!(matches!(&error, SourceError::Broken(why) if !why.contains("hunter2")), "{error}");
    }
    assert!(elsewhere.requests.lock().unwrap().is_empty(), "no header may reach another host");
}

#[test]
fn certificates_that_are_gone_are_told_when_the_client_is_opened() {
    let settings = HttpClientSettings { ca_file: Some("/nonexistent/ca.pem".into()), ..settings("https://stock.corp/") };
    let error = HttpClient::open(&settings, &(Arc::new(SystemClock) as _)).err().unwrap();
    assert!(error.to_string().starts_with("its ca_file /nonexistent/ca.pem cannot be used"), "{error}");
}

#[tokio::test]
async fn a_server_that_asks_to_be_left_alone_is_not_asked_until_then() {
    let server = MockHttpServer::start(None, |_| MockReply::Bytes(answer("429 Slow", "Retry-After: 120\r\n", b"{}"))).await;
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
    let url = format!("http://127.0.0.1:{}/", server.port);
    let client = HttpClient::open(&settings(&url), &(Arc::clone(&clock) as _)).unwrap();
    let until = clock.now() + Duration::from_mins(2);
    let asks = async |path: &str| get(&client, format!("{url}{path}").parse().unwrap()).await.unwrap_err();
    let first = asks("a").await;
    assert!(
        matches!(first, SourceError::AskedToWait(_)) && first.to_string().contains(" answered 429, and asks not"),
        "{first}"
    );
    assert_eq!(client.not_before(), Some(until));
    for path in ["a", "b"] {
        clock.advance(Duration::from_secs(59));
        let error = asks(path).await;
        assert!(
            matches!(error, SourceError::AskedToWait(_)) && error.to_string().ends_with("2027-01-15 08:02:00 UTC"),
            "{error}"
        );
    }
    assert_eq!(server.first_lines().len(), 1);
    clock.advance(Duration::from_secs(2));
    asks("b").await;
    assert_eq!(server.first_lines().len(), 2);
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_again_when_it_expires_or_is_refused() {
    let server = MockHttpServer::start(None, |head| {
        MockReply::Bytes(if head.starts_with("POST /token ") {
            ok(r#"{"access_token":"t1","token_type":"Bearer","expires_in":3600}"#)
        } else if head.contains("/revoked ") {
            answer("401 No", "", b"")
        } else {
            ok("1")
        })
    })
    .await;
    let toml = format!(
        "[default.sources.stock]\nkind = \"http\"\nurl = \"http://127.0.0.1:{0}/\"\noauth = {{ token_url = \"http://127.0.0.1:{0}/token\", \
         client_id = \"me\", client_secret = \"hunter:2\", scope = \"read all\" }}\n",
        server.port
    );
    let clock = Arc::new(ManualClock::at(Timestamp::from_millis(1_800_000_000_000)));
    let source = crate::sources::settings::tests::read(&toml).unwrap().0[0]
        .open(&(Arc::clone(&clock) as _), &crate::sources::filter_workers::tests::on_threads())
        .unwrap();
    let documents = source.documents().unwrap();
    let asks = async |path: &str| {
        let request = crate::sources::DocumentRequest::new(format!("http://127.0.0.1:{}{path}", server.port));
        documents.fetch(&request).await.map(|_| ())
    };
    let tokens = || server.first_lines().iter().filter(|line| line.starts_with("POST /token ")).count();
    assert_eq!((asks("/a").await, asks("/b").await, tokens()), (Ok(()), Ok(()), 1));
    let requests = server.requests.lock().unwrap().clone();
    // `me:hunter%3A2`
    assert!(requests[0].contains("authorization: Basic bWU6aHVudGVyJTNBMg=="), "{}", requests[0]);
    assert!(requests[0].ends_with("grant_type=client_credentials&scope=read+all"), "{}", requests[0]);
    assert!(requests[1].contains("authorization: Bearer t1"), "{}", requests[1]);
    clock.advance(Duration::from_secs(3_590));
    assert_eq!((asks("/a").await, tokens()), (Ok(()), 2));
    assert!(matches!(asks("/revoked").await, Err(SourceError::Refused(_))));
    assert_eq!((asks("/a").await, tokens()), (Ok(()), 3));
    let refusing =
        MockHttpServer::start(None, |_| MockReply::Bytes(answer("400 Bad", "", b"{\"error\":\"invalid_client\"}"))).await;
    let toml = toml.replace(&format!("{}/token", server.port), &format!("{}/token", refusing.port));
    let source = crate::sources::settings::tests::read(&toml).unwrap().0[0]
        .open(&(Arc::clone(&clock) as _), &crate::sources::filter_workers::tests::on_threads())
        .unwrap();
    let request = crate::sources::DocumentRequest::new(format!("http://127.0.0.1:{}/a", server.port));
    let error = source.documents().unwrap().fetch(&request).await.unwrap_err();
    assert!(error.to_string().contains(&format!("127.0.0.1:{} gave no token: it answered 400", refusing.port)), "{error}");
    assert!(!error.to_string().contains("hunter"));
}

#[tokio::test]
async fn a_proxy_is_used_where_the_settings_say_so() {
    let proxy = MockHttpServer::of("7").await;
    let server = MockHttpServer::of("8").await;
    let outbound = format!(
        "[default.outbound]\nproxy = \"http://me:hunter2@127.0.0.1:{}\"\nno_proxy = [\"direct.invalid\"]\n",
        proxy.port
    );
    let ask = async |outbound: &str, url: &str, own: &str| {
        let toml = format!("{outbound}[default.sources.stock]\nkind = \"http\"\nurl = \"{url}\"\n{own}");
        let source = crate::sources::settings::tests::read(&toml).unwrap().0[0]
            .open(&(Arc::new(SystemClock) as _), &crate::sources::filter_workers::tests::on_threads())
            .unwrap();
        let document = source.documents().unwrap().fetch(&crate::sources::DocumentRequest::new(url)).await;
        document.map(|document| document.text().to_vec()).map_err(|error| error.to_string())
    };
    assert_eq!(ask(&outbound, "http://stock.corp/a?b=c", "").await, Ok(b"7".to_vec()));
    let request = proxy.requests.lock().unwrap()[0].to_lowercase();
    assert!(
        request.starts_with("get http://stock.corp/a?b=c ") && request.contains("proxy-authorization: basic bwu6ahvudgvymg=="),
        "{request}"
    );
    let here = format!("http://127.0.0.1:{}/", server.port);
    assert_eq!(ask(&outbound, &here, "").await, Ok(b"8".to_vec()), "this machine needs no proxy");
    let error = ask(&outbound, "http://direct.invalid/", "").await.unwrap_err();
    assert!(error.starts_with("direct.invalid has no address"), "{error}");
    assert_eq!(ask("", &here, &format!("proxy = \"http://127.0.0.1:{}\"\n", proxy.port)).await, Ok(b"7".to_vec()));
    let error = ask(&outbound, "http://none.invalid/", "proxy = \"none\"\n").await.unwrap_err();
    assert!(error.starts_with("none.invalid has no address"), "{error}");
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let error = ask("", "http://stock.corp/", &format!("proxy = \"http://me:hunter2@127.0.0.1:{port}\"\n")).await.unwrap_err();
    assert!(error.contains(&format!("stock.corp (through the proxy 127.0.0.1:{port}) refused the connection")), "{error}");
    let tls = ask(&outbound, "https://stock.corp/", "").await.unwrap_err();
    assert!(!tls.contains("hunter2"), "{tls}");
    assert!(proxy.first_lines().last().unwrap().starts_with("CONNECT stock.corp:443 "), "{:?}", proxy.first_lines());
    assert!(crate::sources::settings::tests::read("[default.outbound]\nproxy = \"socks5://me:hunter2@proxy\"\n").is_err());
}
