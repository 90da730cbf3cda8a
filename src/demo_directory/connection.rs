//! The connection of one client.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use ldap3_proto::proto::{
    LdapBindResponse, LdapExtendedRequest, LdapExtendedResponse, LdapMsg, LdapOp, LdapResult, LdapResultCode,
    LdapSearchResultReference,
};
use tokio::net::TcpStream;
use tokio_util::codec::Framed;

use super::bind::bind;
use super::codec::{DemoRequest, RequestCodec};
use super::filter::DemoFilter;
use super::realm::DemoRealm;
use super::results;
use super::root_dse::WHO_AM_I;
use super::sample::SampleAccountId;
use super::search::search;
use super::tree::DemoEntry;

/// The longest time a client may be silent, or take over one request: Active Directory's `MaxConnIdleTime`.
pub(super) const MAX_IDLE: Duration = Duration::from_mins(15);

/// The longest time a client may take to read one answer; the slowest loopback takes far less.
const MAX_WRITE: Duration = Duration::from_secs(30);

/// StartTLS (RFC 4511, 4.14).
const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
/// Notice of Disconnection (RFC 4511, 4.4.1).
const DISCONNECTION: &str = "1.3.6.1.4.1.1466.20036";

/// The connection of one client. Its requests are answered one after the other, so there is never anything to abandon.
pub(super) struct DemoConnection {
    realm: Arc<DemoRealm>,
    stream: Framed<TcpStream, RequestCodec>,
    bound_account: Option<SampleAccountId>,
}

/// The action after a request.
enum ReplyAction {
    Send(Vec<LdapMsg>),
    SendNothing,
    Close,
}

impl DemoConnection {
    pub(super) fn new(realm: Arc<DemoRealm>, stream: TcpStream) -> Self {
        Self { realm, stream: Framed::new(stream, RequestCodec::default()), bound_account: None }
    }

    /// Answers until the client hangs up, falls silent, or stops making sense.
    ///
    /// # Errors
    /// Any error of this connection; it concerns this client alone.
    pub(super) async fn serve(mut self) -> io::Result<()> {
        loop {
            let clock = Arc::clone(&self.realm.clock);
            let request = tokio::select! {
                request = self.stream.next() => request,
                () = clock.sleep(MAX_IDLE) => return Ok(()),
            };
            let request = match request {
                None => return Ok(()),
                Some(Ok(request)) => request,
                Some(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
                    self.send(vec![disconnection(&error)]).await?;
                    return Err(error);
                }
                Some(Err(error)) => return Err(error),
            };
            match self.handle(request) {
                ReplyAction::Send(messages) => self.send(messages).await?,
                ReplyAction::SendNothing => {}
                ReplyAction::Close => return Ok(()),
            }
        }
    }

    async fn send(&mut self, messages: Vec<LdapMsg>) -> io::Result<()> {
        let clock = Arc::clone(&self.realm.clock);
        let write = async {
            for message in messages {
                self.stream.feed(message).await?;
            }
            self.stream.flush().await
        };
        tokio::select! {
            written = write => written,
            () = clock.sleep(MAX_WRITE) => Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read its answer")),
        }
    }

    fn handle(&mut self, request: DemoRequest) -> ReplyAction {
        let DemoRequest { message: LdapMsg { msgid, op, ctrl }, filter } = request;
        let one = |op| ReplyAction::Send(vec![LdapMsg { msgid, op, ctrl: Vec::new() }]);
        match op {
            LdapOp::BindRequest(request) => {
                // Whatever comes of it, the identity before is gone (RFC 4511, 4.2.1).
                let (res, bound_account) = bind(&self.realm, request);
                self.bound_account = bound_account;
                one(LdapOp::BindResponse(LdapBindResponse { res, saslcreds: None }))
            }
            LdapOp::SearchRequest(request) => {
                let filter = filter.unwrap_or(DemoFilter::Undefined);
                let found = search(&self.realm, self.bound_account.is_some(), &request, &filter, &ctrl);
                let plain = |op| LdapMsg { msgid, op, ctrl: Vec::new() };
                let entries = found.entries.into_iter().map(LdapOp::SearchResultEntry).map(plain);
                let reference = |url| LdapOp::SearchResultReference(LdapSearchResultReference { uris: vec![url] });
                let references = found.references.into_iter().map(reference).map(plain);
                let done = LdapMsg { msgid, op: LdapOp::SearchResultDone(found.done), ctrl: found.controls };
                ReplyAction::Send(entries.chain(references).chain([done]).collect())
            }
            LdapOp::ExtendedRequest(request) => one(LdapOp::ExtendedResponse(self.extended(&request))),
            LdapOp::ModifyRequest(_) => one(LdapOp::ModifyResponse(self.refuse_change())),
            LdapOp::AddRequest(_) => one(LdapOp::AddResponse(self.refuse_change())),
            LdapOp::DelRequest(_) => one(LdapOp::DelResponse(self.refuse_change())),
            LdapOp::ModifyDNRequest(_) => one(LdapOp::ModifyDNResponse(self.refuse_change())),
            LdapOp::CompareRequest(_) => one(LdapOp::CompareResult(self.refuse_change())),
            LdapOp::AbandonRequest(_) => ReplyAction::SendNothing,
            // An unbind; and no answer is a request, which the wire has made sure of.
            _ => ReplyAction::Close,
        }
    }

    fn refuse_change(&self) -> LdapResult {
        if self.bound_account.is_some() { results::read_only() } else { results::bind_first() }
    }

    fn extended(&self, request: &LdapExtendedRequest) -> LdapExtendedResponse {
        match request.name.as_str() {
            WHO_AM_I => {
                let value = Some(self.who_am_i().into_bytes());
                LdapExtendedResponse { res: results::success(), name: None, value }
            }
            START_TLS => LdapExtendedResponse { res: results::no_tls(), name: Some(START_TLS.to_owned()), value: None },
            _ => LdapExtendedResponse { res: results::unknown_extended_operation(), name: None, value: None },
        }
    }

    /// The authorization identity: `u:DEMO\alice`, or nothing when anonymous (RFC 4532; MS-ADTS 3.1.1.3.4.2).
    fn who_am_i(&self) -> String {
        let is_me = |entry: &&DemoEntry| self.bound_account.is_some() && entry.account == self.bound_account;
        let me = self.realm.tree.entries().find(is_me);
        me.and_then(|me| self.realm.principal_name(me)).map_or_else(String::new, |name| format!("u:{name}"))
    }
}

fn disconnection(error: &io::Error) -> LdapMsg {
    let res = LdapResult {
        code: LdapResultCode::ProtocolError,
        matcheddn: String::new(),
        message: format!("The connection is closed: {error}"),
        referral: Vec::new(),
    };
    let op = LdapExtendedResponse { res, name: Some(DISCONNECTION.to_owned()), value: None };
    LdapMsg { msgid: 0, op: LdapOp::ExtendedResponse(op), ctrl: Vec::new() }
}
