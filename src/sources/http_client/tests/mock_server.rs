//! A web server for tests, and the settings of a client of it.

#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::super::HttpClientSettings;
use super::super::proxy::SourceProxy;
use super::super::url_template::UrlTemplate;

/// The reaction of the mock server to a request.
#[derive(Clone)]
pub(in crate::sources) enum MockReply {
    /// Sends these bytes and hangs up.
    Bytes(Vec<u8>),
    /// Sends these bytes and then nothing, for ever.
    Stall(Vec<u8>),
    /// Sends these bytes again and again until the client hangs up.
    Endless(Vec<u8>),
}

/// A mock web server on a port of its own, which records the requests it gets.
pub(in crate::sources) struct MockHttpServer {
    pub(in crate::sources) port: u16,
    pub(in crate::sources) requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for MockHttpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl MockHttpServer {
    pub(in crate::sources) async fn start(
        tls: Option<TlsAcceptor>,
        reply: impl Fn(&str) -> MockReply + Send + Sync + 'static,
    ) -> Self {
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
    pub(in crate::sources) async fn of(json: &'static str) -> Self {
        Self::start(None, move |_| MockReply::Bytes(ok(json))).await
    }

    pub(in crate::sources) fn first_lines(&self) -> Vec<String> {
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
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    if stream.read_exact(&mut body).await.is_err() {
        return;
    }
    let head = head + &String::from_utf8(body).unwrap();
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

pub(in crate::sources) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let mut bytes = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

pub(in crate::sources) fn ok(json: &str) -> Vec<u8> {
    answer("200 OK", "", json.as_bytes())
}

pub(in crate::sources) fn redirect(to: &str) -> MockReply {
    MockReply::Bytes(answer("302 Found", &format!("Location: {to}\r\n"), b""))
}

/// The settings of a client with a key in a header.
pub(in crate::sources) fn settings(url: &str) -> HttpClientSettings {
    let key = (HeaderName::from_static("x-api-key"), HeaderValue::from_static("hunter2"));
    HttpClientSettings {
        rate: 1_000,
        url: Arc::new(UrlTemplate::parse(url).unwrap()),
        headers: HeaderMap::from_iter([key]),
        oauth: None,
        proxy: SourceProxy::default(),
        ca_file: None,
        tls_fingerprint: Vec::new(),
        client_certificate_file: None,
        client_key_file: None,
        timeout: Duration::from_secs(20),
        max_bytes: 10_000,
    }
}
