//! A name server, for what is looked up by name: controllers (SRV, RFC 2782) and addresses.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, SRV};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

/// How long an answer may be remembered, in seconds.
const TIME_TO_LIVE: u32 = 300;

/// How many ports are tried until one is free for UDP and TCP both.
const TRIES: usize = 20;

/// How long a test waits for a question that must come, on a busy machine too.
const WITHIN: Duration = Duration::from_secs(30);

/// The server's reaction to questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DnsBehaviour {
    /// It answers from its table.
    Answers,
    /// It receives them and never answers.
    Silent,
    /// It says that it failed (SERVFAIL).
    Fails,
}

/// The running server, on a loopback port of its own for UDP and TCP. It stops when dropped.
pub(crate) struct DnsServer {
    address: SocketAddr,
    state: Arc<DnsServerState>,
    _serving: [AbortOnDropHandle<()>; 2],
}

struct DnsServerState {
    records: Mutex<Vec<Record>>,
    behaviour: Mutex<DnsBehaviour>,
    questions: watch::Sender<Vec<String>>,
}

impl DnsServer {
    /// Starts a server whose table is empty: no name is known.
    pub(crate) async fn start() -> Self {
        let (udp, tcp) = sockets().await.unwrap();
        let address = udp.local_addr().unwrap();
        let state = Arc::new(DnsServerState {
            records: Mutex::default(),
            behaviour: Mutex::new(DnsBehaviour::Answers),
            questions: watch::Sender::default(),
        });
        let serving = [
            AbortOnDropHandle::new(tokio::spawn(serve_udp(udp, Arc::clone(&state)))),
            AbortOnDropHandle::new(tokio::spawn(serve_tcp(tcp, Arc::clone(&state)))),
        ];
        Self { address, state, _serving: serving }
    }

    /// The address it listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Adds a service at a host, whose address is a record of its own.
    pub(crate) fn add_service(&self, name: &str, priority: u16, weight: u16, port: u16, host: &str) {
        self.add(name, RData::SRV(SRV::new(priority, weight, port, absolute(host))));
    }

    /// Adds a host's address; it may have several.
    pub(crate) fn add_host(&self, name: &str, address: IpAddr) {
        let data = match address {
            IpAddr::V4(address) => RData::A(A(address)),
            IpAddr::V6(address) => RData::AAAA(AAAA(address)),
        };
        self.add(name, data);
    }

    /// Removes a name.
    pub(crate) fn forget(&self, name: &str) {
        let name = absolute(name);
        self.state.records.lock().unwrap().retain(|record| record.name != name);
    }

    /// Sets its reaction to questions.
    pub(crate) fn set(&self, behaviour: DnsBehaviour) {
        *self.state.behaviour.lock().unwrap() = behaviour;
    }

    /// Every question so far, in order: `SRV _ldap._tcp.corp.example.com`.
    pub(crate) fn questions(&self) -> Vec<String> {
        self.state.questions.borrow().clone()
    }

    /// Waits until the questions are so.
    ///
    /// # Panics
    /// When they are not so in half a minute.
    pub(crate) async fn until(&self, mut is_so: impl FnMut(&[String]) -> bool) {
        let mut questions = self.state.questions.subscribe();
        let asked = questions.wait_for(|questions| is_so(questions));
        tokio::time::timeout(WITHIN, asked).await.expect("nobody asks").unwrap();
    }

    fn add(&self, name: &str, data: RData) {
        let record = Record::from_rdata(absolute(name), TIME_TO_LIVE, data);
        self.state.records.lock().unwrap().push(record);
    }
}

impl DnsServerState {
    /// The answer to a question, if there is one.
    fn answer(&self, question: &[u8]) -> Option<Message> {
        let question = Message::from_vec(question).ok()?;
        let query = question.queries.first()?.clone();
        let name = query.name().to_string();
        let asked = format!("{} {}", query.query_type(), name.trim_end_matches('.'));
        self.questions.send_modify(|questions| questions.push(asked));
        let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
        answer.metadata.recursion_desired = question.metadata.recursion_desired;
        answer.metadata.recursion_available = true;
        answer.add_query(query.clone());
        match *self.behaviour.lock().unwrap() {
            DnsBehaviour::Silent => return None,
            DnsBehaviour::Fails => answer.metadata.response_code = ResponseCode::ServFail,
            DnsBehaviour::Answers => {
                let records = self.records.lock().unwrap();
                let named: Vec<&Record> = records.iter().filter(|record| record.name == *query.name()).collect();
                if named.is_empty() {
                    answer.metadata.response_code = ResponseCode::NXDomain;
                }
                let of_type = |wanted: RecordType| move |record: &&&Record| record.record_type() == wanted;
                answer.add_answers(named.iter().filter(of_type(query.query_type())).map(|record| (*record).clone()));
            }
        }
        Some(answer)
    }
}

async fn serve_udp(socket: UdpSocket, state: Arc<DnsServerState>) {
    let mut buffer = [0; 4096];
    while let Ok((length, client)) = socket.recv_from(&mut buffer).await {
        let Some(mut answer) = state.answer(&buffer[..length]) else { continue };
        let longest = Message::from_vec(&buffer[..length]).map_or(512, |question| question.max_payload());
        if answer.to_vec().unwrap().len() > usize::from(longest) {
            // The client asks again over TCP (RFC 7766).
            answer = answer.truncate();
        }
        let _ = socket.send_to(&answer.to_vec().unwrap(), client).await;
    }
}

async fn serve_tcp(listener: TcpListener, state: Arc<DnsServerState>) {
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (client, state) = (accepted.unwrap().0, Arc::clone(&state));
                // A client that hangs up ends its own connection and no other.
                clients.spawn(async move { serve_client(client, &state).await });
            }
            Some(_) = clients.join_next() => {}
        }
    }
}

/// Each message has its length in front (RFC 1035, 4.2.2).
async fn serve_client(mut client: TcpStream, state: &DnsServerState) -> io::Result<()> {
    loop {
        let mut question = vec![0; client.read_u16().await?.into()];
        client.read_exact(&mut question).await?;
        let Some(answer) = state.answer(&question) else { continue };
        let answer = answer.to_vec().unwrap();
        client.write_u16(u16::try_from(answer.len()).unwrap()).await?;
        client.write_all(&answer).await?;
    }
}

async fn sockets() -> io::Result<(UdpSocket, TcpListener)> {
    let mut taken = io::Error::other("no port was tried");
    for _ in 0..TRIES {
        let udp = UdpSocket::bind(("127.0.0.1", 0)).await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(error) => taken = error,
        }
    }
    Err(taken)
}

fn absolute(name: &str) -> Name {
    let mut name = Name::from_str(name).unwrap();
    name.set_fqdn(true);
    name
}
