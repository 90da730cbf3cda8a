//! Browsers that sign in: the form with its token and cookie, then the form's answer, over a connection that is kept.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use crate::common::asker::Asker;
use crate::slapd::{PASSWORD, uid};

/// A browser with a connection of its own.
pub(crate) struct Visitor {
    asker: Asker,
}

impl Visitor {
    /// Visitor number `n` comes from an address of its own, as colleagues do: the program hears only so many tries at
    /// once from one.
    pub(crate) async fn new(server: SocketAddr, n: usize) -> io::Result<Self> {
        let last = u8::try_from(2 + n % 250).unwrap_or(2);
        Ok(Self { asker: Asker::from(Ipv4Addr::new(127, 0, 1, last), server).await? })
    }

    /// Opens the form, with no cookie yet.
    pub(crate) async fn opens_the_form(&mut self) -> io::Result<()> {
        self.asker.form().await.map(drop)
    }

    /// Signs `person` in, from the form to the redirect.
    pub(crate) async fn signs_in(&mut self, person: usize) -> io::Result<()> {
        let (cookie, csrf) = self.asker.form().await?;
        let fields = [("username", &*uid(person)), ("password", PASSWORD), ("next", "/"), ("csrf", &csrf)];
        let fields = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let answer = self.asker.sends_form(&fields, &cookie, "").await?;
        match (answer.status, answer.cookies.iter().any(|cookie| cookie.starts_with("belvedere="))) {
            (303, true) => Ok(()),
            (status, _) => Err(io::Error::other(format!("not let in: {status} {}", answer.body))),
        }
    }
}
