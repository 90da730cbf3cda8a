//! A directory server that says whatever a script tells it to, and one sign-in at it.
//!
//! The script is any bytes at all. It is read as a list of answers, each played in return for a request, so that the
//! client gets past the first thing it checks, the message id, and into the rest. What must hold whatever is said is
//! [`Played::must_be_sound`].

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use belvedere::config::{DirectoryServers, DirectorySettings, Settings};
use belvedere::directory::{BindCandidate, BindDenied, BindGate, Directory as _, DirectoryRefusal, LdapDirectory};
use belvedere::domain::{Password, Person, SystemClock, Username};
use rocket::figment::Figment;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

/// The person's, and what is looked for in every request.
const PASSWORD: &str = "the-persons-own-password";

/// The service account's.
const SERVICE_PASSWORD: &str = "the-service-accounts-password";

/// The longest time of a sign-in, by the default settings: an operation that times out ends it, and each before it
/// was answered at once. What is beyond one operation's deadline (5 s) and two dials' (2 s each) is for an abandon.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most answers in a script, so that a sign-in has an end in any case.
const MAX_ANSWERS: usize = 100;

/// The directory's kind in the settings; `None` is left for the client to find out.
const KINDS: [Option<&str>; 3] = [None, Some("ldap"), Some("active-directory")];

/// Attributes that the client reads something into, by their number in a script.
const ATTRIBUTES: [&str; 16] = [
    "objectGUID",
    "objectSid",
    "tokenGroups",
    "sAMAccountName",
    "userPrincipalName",
    "userAccountControl",
    "entryUUID",
    "uid",
    "displayName",
    "cn",
    "memberOf",
    "nETBIOSName",
    "supportedCapabilities",
    "defaultNamingContext",
    "namingContexts",
    "configurationNamingContext",
];

/// BER tags (RFC 4511, 4.2 to 4.5 and 4.12).
mod tag {
    pub(super) const ENUMERATED: u8 = 0x0a;
    pub(super) const INTEGER: u8 = 0x02;
    pub(super) const OCTET_STRING: u8 = 0x04;
    pub(super) const SEQUENCE: u8 = 0x30;
    pub(super) const SET: u8 = 0x31;
    pub(super) const UNBIND_REQUEST: u8 = 0x42;
    pub(super) const ABANDON_REQUEST: u8 = 0x50;
    pub(super) const BIND_REQUEST: u8 = 0x60;
    pub(super) const BIND_RESPONSE: u8 = 0x61;
    pub(super) const SEARCH_REQUEST: u8 = 0x63;
    pub(super) const SEARCH_RESULT_ENTRY: u8 = 0x64;
    pub(super) const SEARCH_RESULT_DONE: u8 = 0x65;
}

/// One thing the server does. In the script: a byte of kind, a byte of length (two, if [`LONG`] is set), the payload.
enum Answer {
    /// Bytes as they are.
    Raw(Vec<u8>),
    /// A protocol operation, put into a message with the id asked for.
    Operation(Vec<u8>),
    /// An answer with the id 0: an unsolicited notification, if anything.
    Unsolicited(Vec<u8>),
    /// A result of the kind asked for: the code, then the diagnostic text.
    Result(u8, Vec<u8>),
    /// An entry: its DN up to a NUL, then attributes, each a number, a length, a value.
    Entry(Vec<u8>),
    /// Hangs up.
    HangUp,
}

/// Set in a kind: the next answer waits for the next request.
const END_OF_TURN: u8 = 0x80;

/// Set in a kind: the payload's length has two bytes.
const LONG: u8 = 0x40;

/// A script, read.
struct Script {
    service_account: bool,
    /// Its place in [`KINDS`].
    kind: usize,
    username: &'static str,
    answers: VecDeque<(Answer, bool)>,
}

impl Script {
    fn read(bytes: &[u8]) -> Self {
        let (flags, mut rest) = bytes.split_first().map_or((0, bytes), |(flags, rest)| (*flags, rest));
        let mut answers = VecDeque::new();
        while let [kind, length, tail @ ..] = rest
            && answers.len() < MAX_ANSWERS
        {
            let (length, tail) = match tail {
                [low, tail @ ..] if kind & LONG != 0 => (usize::from(*length) << 8 | usize::from(*low), tail),
                _ => (usize::from(*length), tail),
            };
            let (payload, tail) = tail.split_at(length.min(tail.len()));
            answers.push_back((Answer::read(kind & 0x07, payload), kind & END_OF_TURN != 0));
            rest = tail;
        }
        Self {
            service_account: flags & 1 != 0,
            kind: usize::from(flags >> 1 & 3) % KINDS.len(),
            username: ["alice", "alice@corp.example.com", "CORP\\alice", "Müller*)("][usize::from(flags >> 3 & 3)],
            answers,
        }
    }

    /// Settings that have the client ask this server.
    fn settings(&self, port: u16) -> DirectorySettings {
        // Reading them takes longer than a sign-in.
        static READ: LazyLock<[[DirectorySettings; KINDS.len()]; 2]> =
            LazyLock::new(|| [false, true].map(|service_account| KINDS.map(|kind| settings(service_account, kind))));
        let mut settings = READ[usize::from(self.service_account)][self.kind].clone();
        if let DirectoryServers::Listed(servers) = &mut settings.servers {
            servers[0].port = port;
        }
        settings
    }
}

fn settings(service_account: bool, kind: Option<&str>) -> DirectorySettings {
    let mut figment = Figment::from(rocket::Config::default())
        .merge(("directory.url", "ldap://127.0.0.1"))
        .merge(("directory.ca_file", ca_file()));
    if service_account {
        figment =
            figment.merge(("directory.bind_name", "cn=service,dc=x")).merge(("directory.bind_password", SERVICE_PASSWORD));
    }
    if let Some(kind) = kind {
        figment = figment.merge(("directory.kind", kind)).merge(("directory.base_dn", "dc=corp,dc=example,dc=com"));
    }
    Settings::from_figment(&figment).expect("these settings are sound").directory
}

impl Answer {
    fn read(kind: u8, payload: &[u8]) -> Self {
        match kind {
            0 => Self::Raw(payload.to_vec()),
            1 => Self::Operation(payload.to_vec()),
            2 => match payload {
                [code, text @ ..] => Self::Result(*code, text.to_vec()),
                [] => Self::Result(0, Vec::new()),
            },
            3 | 4 => Self::Entry(payload.to_vec()),
            5 => Self::HangUp,
            6 => Self::Unsolicited(payload.to_vec()),
            _ => Self::Result(0, payload.to_vec()),
        }
    }

    /// The bytes to answer `request` with. `None` means that the server closes the connection.
    fn bytes(&self, request: &Request) -> Option<Vec<u8>> {
        Some(match self {
            Self::Raw(bytes) => bytes.clone(),
            Self::Operation(operation) => message(&request.id, operation),
            Self::Unsolicited(operation) => message(&[0], operation),
            Self::Result(code, text) => {
                let kind = if request.operation == tag::SEARCH_REQUEST { tag::SEARCH_RESULT_DONE } else { tag::BIND_RESPONSE };
                let parts = [tlv(tag::ENUMERATED, &[*code]), tlv(tag::OCTET_STRING, b""), tlv(tag::OCTET_STRING, text)];
                message(&request.id, &tlv(kind, &parts.concat()))
            }
            Self::Entry(payload) => message(&request.id, &entry(payload)),
            Self::HangUp => return None,
        })
    }
}

/// A search result entry, well formed around whatever is in it.
fn entry(payload: &[u8]) -> Vec<u8> {
    let end = payload.iter().position(|byte| *byte == 0).unwrap_or(payload.len());
    let (dn, rest) = payload.split_at(end);
    let mut rest = rest.get(1..).unwrap_or_default();
    let mut attributes = Vec::new();
    while let [number, length, tail @ ..] = rest {
        let (value, tail) = tail.split_at(usize::from(*length).min(tail.len()));
        let name = ATTRIBUTES[usize::from(*number) % ATTRIBUTES.len()].as_bytes();
        let values = tlv(tag::SET, &tlv(tag::OCTET_STRING, value));
        attributes.extend(tlv(tag::SEQUENCE, &[tlv(tag::OCTET_STRING, name), values].concat()));
        rest = tail;
    }
    let parts = [tlv(tag::OCTET_STRING, dn), tlv(tag::SEQUENCE, &attributes)];
    tlv(tag::SEARCH_RESULT_ENTRY, &parts.concat())
}

fn message(id: &[u8], operation: &[u8]) -> Vec<u8> {
    tlv(tag::SEQUENCE, &[&tlv(tag::INTEGER, id), operation].concat())
}

/// A BER element (X.690, 8.1), its length in the long form where it must be.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    if let Ok(short @ 0..=127) = u8::try_from(content.len()) {
        bytes.push(short);
    } else {
        bytes.push(0x84);
        bytes.extend(u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes());
    }
    bytes.extend(content);
    bytes
}

/// The client's request, as far as the server cares.
struct Request {
    id: Vec<u8>,
    operation: u8,
    /// Whether the person's own password is in it.
    carries_password: bool,
}

/// One sign-in, played to its end.
#[derive(Debug)]
pub struct Played {
    /// The outcome at the client.
    pub answer: Result<Person, DirectoryRefusal>,
    /// The number of times that the person's password was sent.
    pub passwords: usize,
    /// All that the server said on the connection on which it had heard the password.
    pub said_after: Vec<u8>,
    /// How long it took.
    pub took: Duration,
}

impl Played {
    /// Stops with a panic unless everything holds that must hold whatever a server says.
    pub fn must_be_sound(&self) {
        assert!(self.passwords <= 1, "one sign-in is one bind: {self:?}");
        assert!(self.took < PATIENCE, "a sign-in has an end: {self:?}");
        if self.answer.is_ok() {
            assert_eq!(self.passwords, 1, "nobody is let in without a bind: {self:?}");
            assert!(says_success(&self.said_after), "nobody is let in unless the bind succeeded: {self:?}");
        }
    }
}

/// Whether there is, anywhere in what was said, a result code that a client may read as success: an ENUMERATED of zeros, as far as
/// the LDAP crate reads it.
fn says_success(said: &[u8]) -> bool {
    /// The crate drops what does not fit 32 bits.
    const PARSED_CODE_CHARS: usize = 4;
    let number = |digits: &[u8]| digits.iter().fold(0_usize, |number, digit| number << 8 | usize::from(*digit));
    said.iter().enumerate().any(|(at, byte)| {
        let content = || {
            let [first, rest @ ..] = &said[at + 1..] else { return None };
            let digits = if *first < 0x80 { 0 } else { usize::from(first & 0x7f) };
            let (digits, rest) = rest.split_at_checked(digits)?;
            let length = if digits.is_empty() { usize::from(*first) } else { number(digits) };
            rest.get(..length)
        };
        *byte == tag::ENUMERATED
            && content().is_some_and(|content| content.iter().rev().take(PARSED_CODE_CHARS).all(|octet| *octet == 0))
    })
}

/// The server's state during a script.
struct Stage {
    answers: VecDeque<(Answer, bool)>,
    passwords: usize,
    said_after: Vec<u8>,
}

/// Signs somebody in at a server that does as `script` says. In a runtime of one thread whose time is paused it takes no
/// longer than the talking itself, whatever deadlines pass in it.
///
/// # Panics
/// When the machine has no loopback port left, or the sign-in does not end.
pub async fn sign_in(script: &[u8]) -> Played {
    let mut script = Script::read(script);
    let answers = std::mem::take(&mut script.answers);
    let stage = Arc::new(Mutex::new(Stage { answers, passwords: 0, said_after: Vec::new() }));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a loopback port");
    let settings = script.settings(listener.local_addr().expect("a bound port").port());
    let server = tokio::spawn(serve(listener, Arc::clone(&stage)));

    let directory = LdapDirectory::new(&settings, Arc::new(SystemClock)).expect("these settings are sound");
    let username = Username::parse(script.username).expect("this is a name");
    let password = Password::parse(PASSWORD.to_owned()).expect("this is a password");
    let began = Instant::now();
    let signing_in = directory.sign_in(&username, &password, &Always);
    let answer = tokio::time::timeout(PATIENCE, signing_in).await.expect("a sign-in has an end");
    let took = began.elapsed();
    drop(directory);
    server.abort();
    let stage = stage.lock().unwrap_or_else(PoisonError::into_inner);
    Played { answer, passwords: stage.passwords, said_after: stage.said_after.clone(), took }
}

async fn serve(listener: TcpListener, stage: Arc<Mutex<Stage>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let stage = Arc::clone(&stage);
        // The client may hang up at any time, which ends this connection.
        tokio::spawn(async move { converse(stream, &stage).await });
    }
}

async fn converse(mut stream: TcpStream, stage: &Mutex<Stage>) -> io::Result<()> {
    let mut has_heard_it = false;
    loop {
        let request = hear(&mut stream).await?;
        let (said, hangs_up) = {
            let mut stage = stage.lock().unwrap_or_else(PoisonError::into_inner);
            stage.passwords += usize::from(request.carries_password);
            has_heard_it |= request.carries_password;
            match request.operation {
                tag::UNBIND_REQUEST => return Ok(()),
                tag::ABANDON_REQUEST => continue,
                _ => {}
            }
            let (said, hangs_up) = stage.turn(&request);
            if has_heard_it {
                stage.said_after.extend(&said);
            }
            (said, hangs_up)
        };
        stream.write_all(&said).await?;
        if hangs_up {
            return stream.shutdown().await;
        }
    }
}

impl Stage {
    /// The answer to `request`, and whether the server then closes the connection: at the end of its script, too.
    fn turn(&mut self, request: &Request) -> (Vec<u8>, bool) {
        let mut said = Vec::new();
        while let Some((answer, ends_turn)) = self.answers.pop_front() {
            match answer.bytes(request) {
                Some(bytes) => said.extend(bytes),
                None => return (said, true),
            }
            if ends_turn {
                return (said, false);
            }
        }
        (said, true)
    }
}

/// Reads one request. The client's own messages are well formed.
async fn hear(stream: &mut TcpStream) -> io::Result<Request> {
    let _sequence = stream.read_u8().await?;
    let mut length = usize::from(stream.read_u8().await?);
    if length > 127 {
        let bytes = length - 128;
        length = 0;
        for _ in 0..bytes {
            length = length << 8 | usize::from(stream.read_u8().await?);
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let id_length = body.get(1).map_or(0, |length| usize::from(*length));
    let id = body.get(2..2 + id_length).unwrap_or_default().to_vec();
    let operation = body.get(2 + id_length).copied().unwrap_or_default();
    let carries_password =
        operation == tag::BIND_REQUEST && body.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes());
    Ok(Request { id, operation, carries_password })
}

/// A certificate that nobody holds the key of: reading the system's hundreds anew for each input would take longer than
/// the input.
fn ca_file() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    // This file belongs to the fuzz crate, and to the program's tests.
    let folder = if manifest.ends_with("fuzz") { manifest.to_owned() } else { manifest.join("fuzz") };
    folder.join("nobodys-ca.pem")
}

/// A gate that allows every bind.
struct Always;

#[async_trait]
impl BindGate for Always {
    async fn allow_bind(&self, _: Option<&BindCandidate>) -> Result<(), BindDenied> {
        Ok(())
    }
}
