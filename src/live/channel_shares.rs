//! The shares of the channels: how many a holder may have, of one page and in all.

use crate::domain::{Holder, NetworkCounts, PageSlug};

/// The limits on channels, of one page or of the server. Each channel costs a task, its feeds and a ring, and a page with many
/// inputs has as many as visitors care to ask for.
struct ChannelLimits {
    /// The most channels.
    total: usize,
    /// How many of them may be used by strangers alone: the others are the members'.
    strangers: usize,
    /// The most that one network of strangers has: an office whose people look at one page.
    per_network: usize,
    /// The most that one member has: a wall of boards, and a script that reads them all.
    per_person: usize,
}

/// The limits for the channels of one page, so that its inputs leave room for the other pages.
const OF_PAGE: ChannelLimits = ChannelLimits { total: 250, strangers: 125, per_network: 32, per_person: 64 };

/// The limits for the channels of all pages.
const OF_SERVER: ChannelLimits = ChannelLimits { total: 1_000, strangers: 500, per_network: 64, per_person: 250 };

/// The limits that stand in the way of one more channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FullLimits {
    /// Those of its page.
    Page,
    /// Those of the server.
    Server,
}

/// Checks that `holder` may have one more channel of the page, where `running` are those that run, each with its page and the
/// holder it is counted under.
///
/// # Errors
/// The limits that are reached.
pub(super) fn check<'a>(
    running: impl Iterator<Item = (&'a PageSlug, Holder)>,
    page: &PageSlug,
    holder: &Holder,
) -> Result<(), FullLimits> {
    let (mut of_page, mut of_server) = (ChannelCounts::default(), ChannelCounts::default());
    for (slug, other) in running {
        if slug == page {
            of_page.add(&other, holder);
        }
        of_server.add(&other, holder);
    }
    if !of_page.has_room(&OF_PAGE, holder) {
        return Err(FullLimits::Page);
    }
    if of_server.has_room(&OF_SERVER, holder) { Ok(()) } else { Err(FullLimits::Server) }
}

/// The running channels as one holder finds them.
#[derive(Default)]
struct ChannelCounts {
    total: usize,
    strangers: usize,
    by_network: NetworkCounts,
    /// Those that are counted under the holder, who is a person.
    own: usize,
}

impl ChannelCounts {
    fn add(&mut self, other: &Holder, holder: &Holder) {
        self.total += 1;
        match other {
            Holder::Stranger(network) => {
                self.strangers += 1;
                self.by_network.add(*network);
            }
            Holder::Person(_) | Holder::Program => self.own += usize::from(other == holder),
        }
    }

    /// Whether the holder may have one more. Nobody has more than is left for others, so that who comes next finds room
    /// however many others want all they can get.
    fn has_room(&self, limits: &ChannelLimits, holder: &Holder) -> bool {
        let left = limits.total.saturating_sub(self.total);
        match holder {
            Holder::Program => left > 0,
            Holder::Person(_) => self.own < left.min(limits.per_person),
            Holder::Stranger(network) => {
                let left = left.min(limits.strangers.saturating_sub(self.strangers));
                left > 0 && self.by_network.has_room(*network, left.min(limits.per_network))
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::domain::{Network, PersonId};

    fn stranger(address: &str) -> Holder {
        Holder::Stranger(Network::narrowest_of(Some(address.parse().unwrap())))
    }

    fn member(name: &str) -> Holder {
        Holder::Person(PersonId::new(name))
    }

    /// The channels of a server, which only become more.
    #[derive(Default)]
    struct Channels(Vec<(PageSlug, Holder)>);

    impl Channels {
        /// How many channels of the page the holder gets, who wants as many as possible.
        fn takes_all(&mut self, page: &str, holder: &Holder) -> usize {
            let page: PageSlug = page.parse().unwrap();
            let before = self.0.len();
            while check(self.0.iter().map(|(page, holder)| (page, holder.clone())), &page, holder).is_ok() {
                self.0.push((page.clone(), holder.clone()));
            }
            self.0.len() - before
        }
    }

    #[test]
    fn a_stranger_has_a_share_and_neither_other_strangers_nor_members_are_shut_out() {
        let mut channels = Channels::default();
        assert_eq!(channels.takes_all("welcome", &stranger("192.0.2.1")), 32);
        assert_eq!(channels.takes_all("welcome", &stranger("2001:db8::1")), 32);
        let of_one_site: usize =
            (0..500).map(|link| channels.takes_all("welcome", &stranger(&format!("2001:db8:0:{link:x}::1")))).sum();
        assert!(of_one_site < 60, "its links have {of_one_site} more");
        let of_next = channels.takes_all("welcome", &stranger("198.51.100.1"));
        assert!(of_next > 0, "who comes next finds room");
        for site in 0..100 {
            channels.takes_all("welcome", &stranger(&format!("2001:db8:{site:x}:1::1")));
        }
        assert_eq!(channels.takes_all("welcome", &member("alice")), 63, "half of the page's are the members'");
        assert_eq!(channels.takes_all("welcome", &member("bob")), 31);
        assert_eq!(channels.takes_all("welcome", &member("carol")), 16);
    }

    #[test]
    fn strangers_on_all_pages_leave_every_page_to_members() {
        let mut channels = Channels::default();
        for page in ["one", "two", "three", "four", "five", "six", "seven", "eight"] {
            for site in 0..200 {
                channels.takes_all(page, &stranger(&format!("2001:db8:{site:x}::1")));
            }
        }
        assert!(channels.0.len() <= OF_SERVER.strangers, "{}", channels.0.len());
        for page in ["one", "two", "quiet"] {
            assert!(channels.takes_all(page, &member("alice")) >= 50, "{page}");
        }
        for member in ["bob", "carol", "dave"].map(member) {
            assert!(channels.takes_all("quiet", &member) > 0);
        }
    }
}
