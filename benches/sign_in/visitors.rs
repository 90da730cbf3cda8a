//! Browsers that sign in: the form with its token and cookie, then the form's answer, over a connection that is kept.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use crate::common::http_client::HttpClient;
use crate::slapd::{PASSWORD, uid};

/// A browser with a connection of its own.
pub(crate) struct Visitor {
    client: HttpClient,
}

impl Visitor {
    /// Visitor number `n` comes from an address of its own, as colleagues do: the program hears only so many tries at
    /// once from one.
    pub(crate) async fn new(server: SocketAddr, n: usize) -> io::Result<Self> {
        let last = u8::try_from(2 + n % 250).unwrap_or(2);
        Ok(Self { client: HttpClient::from(Ipv4Addr::new(127, 0, 1, last), server).await? })
    }

    /// Opens the form, with no cookie yet.
    pub(crate) async fn opens_the_form(&mut self) -> io::Result<()> {
        self.client.form().await.map(drop)
    }

    /// Signs `person` in, from the form to the redirect.
    pub(crate) async fn signs_in(&mut self, person: usize) -> io::Result<()> {
        let (cookie, csrf) = self.client.form().await?;
        let fields = [("username", &*uid(person)), ("password", PASSWORD), ("next", "/"), ("csrf", &csrf)];
        let fields = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let answer = self.client.sends_form(&fields, &cookie, "").await?;
        match (answer.status, answer.cookies.iter().any(|cookie| cookie.starts_with("belvedere="))) {
            (303, true) => Ok(()),
            (status, _) => Err(io::Error::other(format!("not let in: {status} {}", answer.body))),
        }
    }
}
