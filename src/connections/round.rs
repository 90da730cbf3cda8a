use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::book::Book;
use super::judge::{Verdict, Why, judge};
use super::sockets::Sockets;
use crate::config::ConnectionSettings;
use crate::domain::{Timestamp, TrustedProxies};

/// A flood is told of once so often, with what there was of it.
const SAY_EVERY: Duration = Duration::from_mins(1);

/// One look at the connections after the other.
pub(super) struct Round {
    sockets: Sockets,
    book: Arc<Mutex<Book>>,
    limits: ConnectionSettings,
    most: usize,
    proxies: TrustedProxies,
    crowds: Crowds,
}

impl Round {
    pub(super) fn new(
        sockets: Sockets,
        book: Arc<Mutex<Book>>,
        limits: ConnectionSettings,
        most: usize,
        proxies: TrustedProxies,
    ) -> Self {
        Self { sockets, book, limits, most, proxies, crowds: Crowds::default() }
    }

    /// Looks at the connections, ends those that have to go, and says how many there were.
    pub(super) fn go(&mut self, now: Timestamp) -> usize {
        let shown = match self.sockets.list() {
            Ok(shown) => shown,
            Err(error) => {
                self.crowds.cannot_look(&error, now);
                return 0;
            }
        };
        let verdicts = {
            let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
            let verdicts = judge(&mut book, &shown, &self.limits, self.most, &self.proxies, now);
            book.forget_all_but(&shown, now);
            verdicts
        };
        if !verdicts.is_empty() {
            self.sockets.end(&verdicts.iter().map(|verdict| (verdict.peer, verdict.end)).collect());
            self.crowds.note(&verdicts);
        }
        self.crowds.say(now);
        shown.len()
    }
}

/// What has not been told yet of those who were too many.
#[derive(Default)]
struct Crowds {
    said_at: Option<Timestamp>,
    too_many: usize,
    from_one_place: usize,
    /// One of those of whom there were too many.
    such_as: Option<SocketAddr>,
}

impl Crowds {
    fn note(&mut self, verdicts: &[Verdict]) {
        let mut counts: HashMap<Why, usize> = HashMap::new();
        for verdict in verdicts {
            *counts.entry(verdict.why).or_default() += 1;
            if verdict.why == Why::TooManyFromThere {
                self.such_as = Some(verdict.peer);
            }
        }
        let count = |why| counts.get(&why).copied().unwrap_or(0);
        self.too_many += count(Why::TooMany);
        self.from_one_place += count(Why::TooManyFromThere);
        tracing::debug!(?counts, "connections ended");
    }

    fn say(&mut self, now: Timestamp) {
        if self.too_many + self.from_one_place == 0 || !self.is_time(now) {
            return;
        }
        let Self { too_many, from_one_place, such_as, .. } = *self;
        if from_one_place > 0 {
            tracing::warn!(
                ended = from_one_place,
                address = such_as.map(|peer| peer.ip().to_string()),
                "an address has more connections than `connections.per_address`; if it is a proxy of yours, name it in \
                 `site.trusted_proxies`"
            );
        }
        if too_many > 0 {
            tracing::warn!(
                ended = too_many,
                "there are more connections than `connections.most`; strangers' were ended"
            );
        }
        *self = Self { said_at: Some(now), ..Self::default() };
    }

    fn cannot_look(&mut self, error: &std::io::Error, now: Timestamp) {
        if self.is_time(now) {
            tracing::error!(%error, "the connections cannot be looked at; while that is so nothing limits them");
            self.said_at = Some(now);
        }
    }

    fn is_time(&self, now: Timestamp) -> bool {
        self.said_at.is_none_or(|said_at| now >= said_at + SAY_EVERY)
    }
}
