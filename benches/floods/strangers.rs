//! The floods: what strangers and one script send as fast as they are answered.

use std::time::{Duration, Instant};

use futures::future::join_all;

use crate::common::http_client::HttpClient;
use crate::program::Program;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flood {
    None,
    /// Local names with wrong passwords, on sixty connections from as many links of one IPv6 site.
    Hashes,
    /// A script that asks for signed tokens, on sixteen connections.
    Audit,
    /// Names of the directory with wrong passwords, on 256 connections from one IPv6 site.
    SignIn,
}

impl Flood {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Hashes => "hashes",
            Self::Audit => "audit",
            Self::SignIn => "sign_in",
        }
    }

    /// Sends the flood for that long; how much was answered.
    pub(crate) async fn begin(self, program: &Program, length: Duration) -> usize {
        let (connections, prefix) = match self {
            Self::None => return 0,
            Self::Hashes => (60, "local%5C"),
            Self::Audit => (16, ""),
            Self::SignIn => (256, ""),
        };
        let began = Instant::now();
        let sent = (0..connections).map(|link| async move {
            let mut client = HttpClient::new(program.address).await.unwrap();
            let (cookie, csrf) = client.form().await.unwrap();
            let address = format!("2001:db8:0:{link:x}::1");
            let mut count = 0;
            while began.elapsed() < length {
                let answered = if self == Self::Audit {
                    client.posts_with("/api/v1/token", &program.basic).await
                } else {
                    client.tries(&format!("{prefix}name-{link}-{count}"), &address, &cookie, &csrf).await
                };
                match answered {
                    Ok(_) => count += 1,
                    // It was hung up on, to make room for others.
                    Err(_) => client = HttpClient::new(program.address).await.unwrap(),
                }
            }
            count
        });
        join_all(sent).await.into_iter().sum()
    }
}
