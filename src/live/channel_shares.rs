//! The shares of the channels: how many a holder may have, of one page and in all.

use super::capacity::CapacityExceeded;
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

/// A running channel, as far as shares go.
pub(super) struct HeldChannel<'a> {
    pub(super) page: &'a PageSlug,
    /// The holder that it is counted under.
    pub(super) holder: Holder,
    /// Since when, as a number: the lowest is the oldest.
    pub(super) held_since: u64,
    /// Whether it has no subscriber, and is within its grace time.
    pub(super) is_abandoned: bool,
}

/// The place among the `running` of the channel that has to end before `holder` may have one more of the page; `None` where
/// there is room.
///
/// Abandoned channels go first: those of the holder before others, and no member's for a stranger. Then those that strangers
/// have beyond their share: a channel of members becomes theirs when they have joined it and the last member leaves.
///
/// # Errors
/// [`CapacityExceeded::Channels`] when none has to, and there is no room either.
pub(super) fn find_next_to_go(
    running: &[HeldChannel<'_>],
    page: &PageSlug,
    holder: &Holder,
) -> Result<Option<usize>, CapacityExceeded> {
    let of_page = || running.iter().enumerate().filter(|(_, channel)| channel.page == page);
    let of_server = || running.iter().enumerate();
    let counts_of_page = ChannelCounts::of(of_page(), holder, &OF_PAGE);
    let next = if counts_of_page.has_room() {
        let counts_of_server = ChannelCounts::of(of_server(), holder, &OF_SERVER);
        if counts_of_server.has_room() {
            return Ok(None);
        }
        next_abandoned(of_server(), holder).or_else(|| counts_of_server.next_displaced(of_server()))
    } else {
        next_abandoned(of_page(), holder).or_else(|| counts_of_page.next_displaced(of_page()))
    };
    next.map(Some).ok_or(CapacityExceeded::Channels)
}

/// The channels that count towards one of the limits, each with its place.
trait Places<'a>: Iterator<Item = (usize, &'a HeldChannel<'a>)> {}

impl<'a, I: Iterator<Item = (usize, &'a HeldChannel<'a>)>> Places<'a> for I {}

fn next_abandoned<'a>(channels: impl Places<'a>, holder: &Holder) -> Option<usize> {
    let abandoned = channels.filter(|(_, channel)| channel.is_abandoned && channel.holder.precedence() <= holder.precedence());
    let next =
        abandoned.min_by_key(|(_, channel)| (channel.holder != *holder, channel.holder.precedence(), channel.held_since));
    next.map(|(place, _)| place)
}

/// The running channels as one holder finds them, and the limits on them.
struct ChannelCounts<'a> {
    holder: &'a Holder,
    limits: &'a ChannelLimits,
    total: usize,
    strangers: usize,
    by_network: NetworkCounts,
    /// Those that are counted under the holder, who is a person.
    own: usize,
}

impl<'a> ChannelCounts<'a> {
    fn of<'b>(channels: impl Places<'b>, holder: &'a Holder, limits: &'a ChannelLimits) -> Self {
        let mut counts = Self { holder, limits, total: 0, strangers: 0, by_network: NetworkCounts::default(), own: 0 };
        for (_, channel) in channels {
            counts.total += 1;
            match &channel.holder {
                Holder::Stranger(network) => {
                    counts.strangers += 1;
                    counts.by_network.add(*network);
                }
                other @ (Holder::Person(_) | Holder::Program) => counts.own += usize::from(other == holder),
            }
        }
        counts
    }

    fn has_room(&self) -> bool {
        self.total < self.limits.total && self.is_within_share()
    }

    /// Whether the holder may have one more. Nobody has more than is left for others, so that who comes next finds room
    /// however many others want all they can get.
    fn is_within_share(&self) -> bool {
        let Self { holder, limits, .. } = self;
        // What strangers have beyond their share is the members' as soon as one needs it.
        let for_members = limits.total.saturating_sub(self.total - self.excess_of_strangers());
        match holder {
            Holder::Program => for_members > 0,
            Holder::Person(_) => self.own < for_members.min(limits.per_person),
            Holder::Stranger(network) => {
                let left = limits.total.saturating_sub(self.total).min(limits.strangers.saturating_sub(self.strangers));
                left > 0 && self.by_network.has_room(*network, left.min(limits.per_network))
            }
        }
    }

    fn excess_of_strangers(&self) -> usize {
        self.strangers.saturating_sub(self.limits.strangers)
    }

    /// The channel in use that has to give way.
    fn next_displaced<'b>(&self, channels: impl Places<'b>) -> Option<usize> {
        if self.holder.is_stranger() || self.excess_of_strangers() == 0 || !self.is_within_share() {
            return None;
        }
        let of_strangers = channels.filter(|(_, channel)| channel.holder.is_stranger());
        of_strangers.max_by_key(|(_, channel)| channel.held_since).map(|(place, _)| place)
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

    /// The channels of a server, which are all in use.
    #[derive(Default)]
    struct Channels(Vec<(PageSlug, Holder)>);

    impl Channels {
        /// How many channels of the page the holder gets, who wants as many as possible.
        fn takes_all(&mut self, page: &str, holder: &Holder) -> usize {
            let page: PageSlug = page.parse().unwrap();
            (0..1_000).take_while(|_| self.takes(&page, holder)).count()
        }

        /// Whether the holder gets one more channel of the page.
        fn takes(&mut self, page: &PageSlug, holder: &Holder) -> bool {
            loop {
                let running: Vec<_> = (0..)
                    .zip(&self.0)
                    .map(|(held_since, (page, holder))| HeldChannel {
                        page,
                        holder: holder.clone(),
                        held_since,
                        is_abandoned: false,
                    })
                    .collect();
                match find_next_to_go(&running, page, holder) {
                    Err(_) => return false,
                    Ok(Some(place)) => drop(self.0.remove(place)),
                    Ok(None) => {
                        self.0.push((page.clone(), holder.clone()));
                        return true;
                    }
                }
            }
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
