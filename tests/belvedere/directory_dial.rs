//! Connecting to a directory that cannot be reached, or is not the directory: an honest reason, in time, and not a
//! byte of anybody's password on the wire.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use belvedere::config::{DirectorySettings, FilterTemplate, InvalidFilter};
use belvedere::directory::{Directory as _, DirectoryRefusal, LdapDirectory, SetUpError};
use belvedere::domain::{CertificateFingerprint, SystemClock};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tracing_subscriber::fmt::MakeWriter;

use crate::directory_sign_in::{open, settings, sign_in};
use crate::harness::certificates::{TestAuthority, TestCertificate};
use crate::harness::free_port::free_port;
use crate::harness::stalled_controller::StalledController;
use crate::harness::{samba, server_process, slapd};

/// Nobody's; looked for in everything an impostor hears.
const SECRET: &str = "never-to-be-heard";

/// A short deadline, and how much later than it a busy machine may be.
const DEADLINE: Duration = Duration::from_millis(500);
const SLACK: Duration = Duration::from_secs(5);

/// A listener that answers the first request with fixed bytes, or not at all, and remembers all it hears.
struct ImpostorServer {
    port: u16,
    heard: JoinHandle<Vec<u8>>,
}

impl ImpostorServer {
    async fn plain(answer: &'static [u8]) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = vec![0; 4096];
            let length = stream.read(&mut heard).await.unwrap();
            heard.truncate(length);
            if !answer.is_empty() {
                stream.write_all(answer).await.unwrap();
            }
            hear_all(stream, heard).await
        });
        Self { port, heard }
    }

    async fn with_tls(identity: &TestCertificate) -> Self {
        let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            match TlsAcceptor::from(Arc::new(config)).accept(stream).await {
                Ok(stream) => hear_all(stream, Vec::new()).await,
                Err(_) => Vec::new(),
            }
        });
        Self { port, heard }
    }

    /// All that was said, once the client has hung up.
    async fn heard(self) -> Vec<u8> {
        tokio::time::timeout(SLACK, self.heard).await.expect("the client never hung up").unwrap()
    }
}

async fn hear_all(mut stream: impl AsyncRead + Unpin, mut heard: Vec<u8>) -> Vec<u8> {
    // However the client hangs up, what came before counts.
    let _ = stream.read_to_end(&mut heard).await;
    heard
}

fn contains(heard: &[u8], secret: &str) -> bool {
    heard.windows(secret.len()).any(|window| window == secret.as_bytes())
}

fn impatient(url: &str, ca_file: &Path) -> DirectorySettings {
    DirectorySettings { dial_timeout: DEADLINE, operation_timeout: DEADLINE, ..settings(&[url], ca_file) }
}

fn closed_port() -> u16 {
    free_port().unwrap()
}

fn trusted(authority: &TestAuthority) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, authority.pem()).unwrap();
    (folder, ca_file)
}

async fn reason(settings: &DirectorySettings) -> String {
    let started = Instant::now();
    let refusal = sign_in(&open(settings), "alice", SECRET).await.unwrap_err();
    assert!(matches!(refusal, DirectoryRefusal::Unreachable(_)), "{refusal}");
    assert!(started.elapsed() < settings.dial_timeout + settings.operation_timeout + SLACK, "{:?}", started.elapsed());
    refusal.to_string()
}

#[tokio::test]
async fn a_certificate_that_is_not_the_directorys_ends_it_before_a_word_is_said() {
    let (authority, stranger) = (TestAuthority::new(), TestAuthority::new());
    let (_folder, ca_file) = trusted(&authority);
    for (identity, expected) in [
        (stranger.issue(&["localhost"]), "unknown CA"),
        (authority.issue(&["elsewhere.example"]), "another host name"),
        (authority.issue(&[]), "names no host"),
        (authority.issue_expired(&["localhost"]), "expired"),
    ] {
        let impostor = ImpostorServer::with_tls(&identity).await;
        let reason = reason(&impatient(&format!("ldaps://localhost:{}", impostor.port), &ca_file)).await;
        assert!(reason.contains(expected), "{reason}");
        assert_eq!(impostor.heard().await, b"", "{expected}");
    }
}

#[tokio::test]
async fn a_server_that_never_answers_costs_its_deadline_and_hears_no_secret() {
    let (_folder, ca_file) = trusted(&TestAuthority::new());
    for scheme in ["ldaps", "ldap"] {
        let impostor = ImpostorServer::plain(b"").await;
        let reason = reason(&impatient(&format!("{scheme}://127.0.0.1:{}", impostor.port), &ca_file)).await;
        assert!(reason.contains("no answer within"), "{reason}");
        assert!(!contains(&impostor.heard().await, SECRET), "{scheme}");
    }
}

#[tokio::test]
async fn a_refused_start_tls_is_not_followed_by_plain_words() {
    let (_folder, ca_file) = trusted(&TestAuthority::new());
    // ExtendedResponse (RFC 4511, 4.12), protocolError.
    let refused = ImpostorServer::plain(&[0x30, 0x0c, 2, 1, 1, 0x78, 7, 0x0a, 1, 2, 4, 0, 4, 0]).await;
    let url = format!("ldap://127.0.0.1:{}", refused.port);
    let reason = reason(&DirectorySettings { start_tls: true, ..impatient(&url, &ca_file) }).await;
    assert!(reason.contains("refused StartTLS"), "{reason}");
    let heard = refused.heard().await;
    assert!(heard.windows(22).any(|window| window == b"1.3.6.1.4.1.1466.20037"), "{heard:?}");
    assert!(heard.len() < 64, "something was said after the refusal: {heard:?}");
}

#[tokio::test]
async fn malformed_answers_are_a_fault_of_the_servers_and_never_a_crash() {
    let (_folder, ca_file) = trusted(&TestAuthority::new());
    let answers: [&[u8]; 9] = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        &[0x30, 0],
        &[0x30, 2, 5, 0],
        &[0x30, 3, 2, 1, 1],
        &[0x30, 5, 2, 1, 1, 4, 0],
        &[0x30, 5, 4, 1, 1, 0x65, 0],
        // A search entry without attributes, a search result without a code, an operation nobody knows.
        &[0x30, 7, 2, 1, 1, 0x64, 2, 4, 0],
        &[0x30, 5, 2, 1, 1, 0x65, 0],
        &[0x30, 5, 2, 1, 1, 0x7e, 0],
    ];
    for answer in answers {
        let impostor = ImpostorServer::plain(answer).await;
        let reason = reason(&impatient(&format!("ldap://127.0.0.1:{}", impostor.port), &ca_file)).await;
        assert!(reason.contains("127.0.0.1"), "{reason}");
        assert!(!contains(&impostor.heard().await, SECRET), "{answer:?}");
    }
}

#[tokio::test]
async fn a_closed_port_and_an_unknown_name_are_told_apart() {
    let (_folder, ca_file) = trusted(&TestAuthority::new());
    let closed = reason(&impatient(&format!("ldaps://127.0.0.1:{}", closed_port()), &ca_file)).await;
    assert!(closed.contains("refused"), "{closed}");
    let unknown = reason(&impatient("ldaps://no-such-host.invalid", &ca_file)).await;
    assert!(unknown.contains("name"), "{unknown}");
    assert!(open(&impatient(&format!("ldaps://127.0.0.1:{}", closed_port()), &ca_file)).check_reachable().await.is_err());
}

#[tokio::test]
async fn plain_ldap_does_not_leave_this_machine_unless_allowed() {
    let (_folder, ca_file) = trusted(&TestAuthority::new());
    // An address for documentation (RFC 5737): nothing is there, and nothing may be tried.
    let reason = reason(&impatient("ldap://192.0.2.1", &ca_file)).await;
    assert!(reason.contains("allow_plaintext"), "{reason}");
}

#[tokio::test]
async fn plain_binds_that_the_server_forbids_name_the_remedy() {
    let Some(domain) = samba::domain() else { return };
    let reason = reason(&settings(&[&domain.ldap_url()], &domain.ca_file)).await;
    assert!(reason.contains("ldaps://"), "{reason}");
}

#[tokio::test]
async fn the_next_server_answers_when_the_first_does_not() {
    let Some(server) = slapd::server() else { return };
    let silent = ImpostorServer::plain(b"").await;
    let dead = [format!("ldaps://localhost:{}", closed_port()), format!("ldaps://localhost:{}", silent.port)];
    let servers = settings(&[&dead[0], &dead[1], &server.ldaps_url()], &server.ca_file);
    let directory = open(&DirectorySettings { dial_timeout: Duration::from_secs(2), ..servers });
    assert!(sign_in(&directory, "alice", slapd::PASSWORD).await.is_ok());
    assert!(!contains(&silent.heard().await, slapd::PASSWORD));

    // From now on the living server comes first: the dead ones cost nothing more.
    let started = Instant::now();
    assert!(sign_in(&directory, "alice", slapd::PASSWORD).await.is_ok());
    assert!(directory.check_reachable().await.is_ok());
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_password_once_sent_is_never_sent_to_the_next_server() {
    let (_folder, ca_file) = trusted(&TestAuthority::new());
    let servers = [StalledController::start().await, StalledController::start().await];
    let urls = servers.each_ref().map(|server| format!("ldap://127.0.0.1:{}", server.port));
    let both = settings(&[&urls[0], &urls[1]], &ca_file);
    let reason = reason(&DirectorySettings { operation_timeout: DEADLINE, ..both }).await;
    assert!(reason.contains("no answer within"), "{reason}");
    let [first, second] = servers.each_ref().map(StalledController::binds);
    assert_eq!((first, second), (vec!["alice@corp.example.com".to_owned()], vec![]));
}

#[tokio::test]
async fn a_failure_is_logged_once_with_its_server_and_without_a_secret() {
    // With a single subscriber alive, a test on another thread would settle for all whether anything is logged.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let log = CapturedLog::default();
    let subscriber = tracing_subscriber::fmt().json().with_max_level(tracing::Level::TRACE).with_writer(log.clone());
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let (_folder, ca_file) = trusted(&TestAuthority::new());
    let stalled = StalledController::start().await;
    reason(&impatient(&format!("ldap://127.0.0.1:{}", stalled.port), &ca_file)).await;

    let written = log.written();
    let lines: Vec<serde_json::Value> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let failures: Vec<_> = lines.iter().filter(|line| line["level"] == "WARN").collect();
    assert_eq!(failures.len(), 1, "{written}");
    let fields = &failures[0]["fields"];
    assert_eq!(fields["server"], format!("ldap://127.0.0.1:{}", stalled.port));
    assert_eq!(fields["operation"], "bind");
    assert!(fields["elapsed_ms"].is_u64(), "{fields}");
    assert!(!contains(written.as_bytes(), SECRET), "{written}");
}

/// A log that keeps what is written.
#[derive(Clone, Default)]
pub(crate) struct CapturedLog(Arc<Mutex<Vec<u8>>>);

impl CapturedLog {
    pub(crate) fn written(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for CapturedLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for CapturedLog {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn an_ipv6_literal_is_dialled_and_its_certificate_verified() {
    let Some(server) = slapd::server() else { return };
    if std::net::TcpStream::connect(("::1", server.ldaps_port)).is_err() {
        server_process::skipped("IPv6, which this machine does not have on loopback");
        return;
    }
    let url = format!("ldaps://[::1]:{}", server.ldaps_port);
    assert!(sign_in(&open(&settings(&[&url], &server.ca_file)), "alice", slapd::PASSWORD).await.is_ok());
    let (_folder, stranger) = trusted(&TestAuthority::new());
    let reason = reason(&settings(&[&url], &stranger)).await;
    assert!(reason.contains("unknown CA"), "{reason}");
}

#[tokio::test]
async fn a_certificate_made_out_to_a_name_does_not_hold_for_an_address() {
    let Some(server) = slapd::server() else { return };
    let url = format!("ldaps://127.0.0.1:{}", server.ldaps_port);
    let reason = reason(&settings(&[&url], &server.ca_file)).await;
    assert!(reason.contains("another host name") && reason.contains("localhost"), "{reason}");
}

#[test]
fn what_can_never_work_is_refused_before_anybody_signs_in() {
    let (folder, ca_file) = trusted(&TestAuthority::new());
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let new = |settings: &DirectorySettings| LdapDirectory::new(settings, Arc::new(SystemClock)).err();
    let right = settings(&["ldaps://localhost"], &ca_file);
    assert_eq!(new(&right), None);
    assert!(matches!(new(&settings(&["ldaps://localhost"], &empty)), Some(SetUpError::CaFile { .. })));
    assert!(matches!(new(&settings(&["ldaps://localhost"], Path::new("/nowhere"))), Some(SetUpError::CaFile { .. })));
    assert!(matches!(new(&settings(&["ldaps://no host"], &ca_file)), Some(SetUpError::Host(_))));
    assert!(matches!(new(&settings(&[], &ca_file)), Some(SetUpError::NoServer)));
    assert_eq!("(uid={username}".parse::<FilterTemplate>(), Err(InvalidFilter), "so the settings cannot hold it");
}

#[tokio::test]
async fn a_server_that_wants_a_certificate_is_shown_the_settings_one_and_without_it_the_setting_is_told() {
    let authority = TestAuthority::new();
    let server = match slapd::demanding_certificates(&authority) {
        Ok(server) => server,
        Err(why) => return server_process::skipped(&format!("a directory with mutual TLS: {why}")),
    };
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        Some(file)
    };
    let (ours, other) = (authority.issue(&["belvedere"]), authority.issue(&["belvedere"]));
    let start_tls = DirectorySettings { start_tls: true, ..settings(&[&server.ldap_url()], &server.ca_file) };
    for way in [settings(&[&server.ldaps_url()], &server.ca_file), start_tls] {
        let refusal = sign_in(&open(&way), "alice", slapd::PASSWORD).await.unwrap_err().to_string();
        assert!(refusal.contains("mutual TLS") && refusal.contains("client_certificate_file"), "{refusal}");
        let with_certificate = DirectorySettings {
            client_certificate_file: file("client.pem", &ours.certificate),
            client_key_file: file("client.key", &ours.key),
            ..way
        };
        assert_eq!(sign_in(&open(&with_certificate), "alice", slapd::PASSWORD).await.unwrap().username, "alice");
        let mismatched = DirectorySettings { client_key_file: file("other.key", &other.key), ..with_certificate };
        let fault = LdapDirectory::new(&mismatched, Arc::new(SystemClock)).map(|_| ()).unwrap_err();
        assert!(matches!(fault, SetUpError::ClientIdentity(_)) && fault.to_string().contains("client_key_file"), "{fault}");
    }
}

#[tokio::test]
async fn a_fingerprint_is_enough_for_a_certificate_without_names_and_no_other_is_trusted_then() {
    let Some(domain) = samba::domain() else { return };
    let authority = TestAuthority::new();
    let identity = authority.issue(&[]);
    let impostor = ImpostorServer::with_tls(&identity).await;
    let fingerprint = |pem: &[u8]| CertificateFingerprint::of_der(&CertificateDer::from_pem_slice(pem).unwrap());
    let pinned = |url: &str, pem: &[u8]| DirectorySettings {
        ca_file: None,
        tls_fingerprint: vec![fingerprint(pem)],
        ..settings(&[url], Path::new(""))
    };
    let (_folder, ca_file) = trusted(&authority);
    let url = format!("ldaps://localhost:{}", impostor.port);
    let offered = reason(&impatient(&url, &ca_file)).await;
    assert!(offered.contains(&format!("tls_fingerprint = \"{}\"", fingerprint(identity.certificate.as_bytes()))), "{offered}");
    impostor.heard().await;
    // It is heard out, so far as TLS goes: it never answers.
    let impostor = ImpostorServer::with_tls(&identity).await;
    let url = format!("ldaps://localhost:{}", impostor.port);
    let by_fingerprint = DirectorySettings { operation_timeout: DEADLINE, ..pinned(&url, identity.certificate.as_bytes()) };
    let reached = reason(&by_fingerprint).await;
    assert!(reached.contains("no answer within"), "{reached}");
    assert!(!impostor.heard().await.is_empty());

    let shown = std::fs::read(domain.ca_file.with_file_name("cert.pem")).unwrap();
    assert!(sign_in(&open(&pinned(&domain.ldaps_url(), &shown)), "alice", samba::PASSWORD).await.is_ok());
    let other = open(&pinned(&domain.ldaps_url(), identity.certificate.as_bytes()));
    let refusal = sign_in(&other, "alice", SECRET).await.unwrap_err().to_string();
    assert!(refusal.contains("not the one that tls_fingerprint names"), "{refusal}");
}

#[tokio::test]
async fn tls_of_another_age_is_told_as_what_it_is() {
    let authority = TestAuthority::new();
    let (_folder, ca_file) = trusted(&authority);
    let folder = tempfile::tempdir().unwrap();
    let identity = authority.issue(&["localhost"]);
    let [certificate, key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
    std::fs::write(&certificate, &identity.certificate).unwrap();
    std::fs::write(&key, &identity.key).unwrap();
    let p521 = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521", "-nodes", "-subj", "/CN=localhost"];
    let [large_certificate, large_key] = ["large.pem", "large.key"].map(|name| folder.path().join(name));
    let made = Command::new("openssl").args(p521).arg("-out").arg(&large_certificate).arg("-keyout").arg(&large_key).output();
    if !made.is_ok_and(|made| made.status.success()) {
        return server_process::skipped("old TLS, as there is no openssl");
    }
    for (identity, arguments, expected) in [
        ([&certificate, &key], &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"][..], "TLS 1.1 or older"),
        ([&certificate, &key], &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"], "CBC"),
        ([&large_certificate, &large_key], &[], "P-521"),
    ] {
        let port = free_port().unwrap();
        let mut server = Command::new("openssl");
        server.args(["s_server", "-www", "-accept", &format!("127.0.0.1:{port}")]).args(arguments);
        server.arg("-cert").arg(identity[0]).arg("-key").arg(identity[1]);
        server_process::spawn_supervised(&server, tempfile::tempdir().unwrap()).unwrap();
        server_process::wait_for(("127.0.0.1", port)).unwrap();
        let reason = reason(&settings(&[&format!("ldaps://localhost:{port}")], &ca_file)).await;
        assert!(reason.contains(expected) && !reason.contains("overloaded"), "{reason}");
    }
}
