//! A domain controller that answers for its RootDSE and then stalls: it receives binds, and never answers one.

use std::io;
use std::sync::{Arc, Mutex};

use futures::{SinkExt as _, StreamExt as _};
use ldap3_proto::LdapCodec;
use ldap3_proto::proto::{LdapMsg, LdapOp, LdapPartialAttribute, LdapResult, LdapResultCode, LdapSearchResultEntry};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::codec::Framed;

/// The running server; it stops when dropped.
pub(crate) struct StalledController {
    /// Its port, on `127.0.0.1`.
    pub(crate) port: u16,
    binds: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl StalledController {
    /// Starts one.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let binds = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&binds);
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let heard = Arc::clone(&heard);
                // A client that hangs up ends its own connection and no other.
                connections.spawn(async move { drop(serve(stream, &heard).await) });
            }
        });
        Self { port, binds, serving }
    }

    /// The names somebody tried to bind with.
    pub(crate) fn binds(&self) -> Vec<String> {
        self.binds.lock().unwrap().clone()
    }
}

impl Drop for StalledController {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(stream: TcpStream, binds: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut messages = Framed::new(stream, LdapCodec::default());
    while let Some(message) = messages.next().await {
        let LdapMsg { msgid, op, .. } = message?;
        match op {
            LdapOp::SearchRequest(_) => {
                messages.send(LdapMsg::new(msgid, LdapOp::SearchResultEntry(root_dse()))).await?;
                messages.send(LdapMsg::new(msgid, LdapOp::SearchResultDone(success()))).await?;
            }
            LdapOp::BindRequest(bind) => binds.lock().unwrap().push(bind.dn),
            _ => {}
        }
    }
    Ok(())
}

fn root_dse() -> LdapSearchResultEntry {
    let attribute = |name: &str, value: &str| LdapPartialAttribute { atype: name.to_owned(), vals: vec![value.into()] };
    LdapSearchResultEntry {
        dn: String::new(),
        attributes: vec![
            attribute("supportedCapabilities", "1.2.840.113556.1.4.800"),
            attribute("defaultNamingContext", "DC=corp,DC=example,DC=com"),
        ],
    }
}

fn success() -> LdapResult {
    LdapResult { code: LdapResultCode::Success, matcheddn: String::new(), message: String::new(), referral: vec![] }
}
