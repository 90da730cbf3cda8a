//! The shares of the channels: how many a holder may have, of one page and in all, and whose end to make room for others.

use std::cmp::Reverse;

use super::capacity::CapacityExceeded;
use crate::domain::{Holder, HolderCounts, PageSlug};

/// The limits on channels, of one page or of the server. Each channel costs a task, its feeds and a ring, and a page with many
/// inputs has as many as visitors care to ask for.
struct ChannelLimits {
    /// The most channels.
    total: usize,
    /// How many of them strangers alone may use: the others are the members'.
    of_strangers: usize,
    /// How many of them members may have: the others are the strangers'.
    of_members: usize,
    /// How many of them pages may keep running.
    of_program: usize,
    /// The most that one network of strangers has: an office whose people look at one page.
    per_network: usize,
    /// The most that one member has: a wall of boards, and a script that reads them all.
    per_person: usize,
}

/// The limits for the channels of one page, so that its inputs leave room for the other pages.
const OF_PAGE: ChannelLimits =
    ChannelLimits { total: 250, of_strangers: 125, of_members: 200, of_program: 250, per_network: 32, per_person: 64 };

/// The limits for the channels of all pages.
const OF_SERVER: ChannelLimits =
    ChannelLimits { total: 1_000, of_strangers: 500, of_members: 800, of_program: 500, per_network: 64, per_person: 250 };

impl ChannelLimits {
    /// How many channels there may be of strangers together, or of members.
    fn of_kind(&self, holder: &Holder) -> usize {
        match holder {
            Holder::Stranger(_) => self.of_strangers,
            Holder::Person(_) => self.of_members,
            Holder::Program => self.of_program,
        }
    }

    /// How many of them nobody else may take.
    fn reserved_for(&self, holder: &Holder) -> usize {
        match holder {
            Holder::Stranger(_) => self.total - self.of_members,
            Holder::Person(_) => self.total - self.of_strangers,
            Holder::Program => self.of_program,
        }
    }

    fn per_holder(&self, holder: &Holder) -> usize {
        match holder {
            Holder::Stranger(_) => self.per_network,
            Holder::Person(_) => self.per_person,
            Holder::Program => self.of_program,
        }
    }
}

/// A running channel, as far as shares go.
pub(super) struct HeldChannel<'a> {
    /// A number of its own.
    pub(super) id: usize,
    pub(super) page: &'a PageSlug,
    /// The holder that it is counted under.
    pub(super) holder: Holder,
    /// Since when, as a number: the lowest is the oldest.
    pub(super) held_since: u64,
    /// How many holders use it; none when it is within its grace time.
    pub(super) users: usize,
}

/// The ids of the channels that have to end before `holder` may have one more of the page.
///
/// Abandoned channels go first. Then one of whoever has most, if that is more than the holder would have: so nobody is refused
/// while another has more. Strangers and members have places that the others cannot take: what strangers have beyond theirs, as
/// when the last member leaves a channel to them, ends when a member needs it.
///
/// # Errors
/// [`CapacityExceeded::Channels`] when there is no room, and nobody has more: then none has to end.
pub(super) fn find_displaced(
    mut running: Vec<HeldChannel<'_>>,
    page: &PageSlug,
    holder: &Holder,
) -> Result<Vec<usize>, CapacityExceeded> {
    let mut displaced = Vec::new();
    loop {
        let next = match Contest::new(running.iter().filter(|channel| channel.page == page), holder, &OF_PAGE).next_to_go()? {
            None => Contest::new(running.iter(), holder, &OF_SERVER).next_to_go()?,
            next => next,
        };
        let Some(id) = next else { return Ok(displaced) };
        running.retain(|channel| channel.id != id);
        displaced.push(id);
    }
}

/// The channels that count towards the same limits, and the holder who wants one more.
struct Contest<'a> {
    channels: Vec<&'a HeldChannel<'a>>,
    counts: HolderCounts,
    /// How many are of strangers, members and the program, by their precedence.
    by_kind: [usize; Holder::KINDS],
    holder: &'a Holder,
    limits: &'a ChannelLimits,
}

impl<'a> Contest<'a> {
    fn new(channels: impl Iterator<Item = &'a HeldChannel<'a>>, holder: &'a Holder, limits: &'a ChannelLimits) -> Self {
        let mut contest =
            Self { channels: channels.collect(), counts: HolderCounts::default(), by_kind: [0; Holder::KINDS], holder, limits };
        for channel in &contest.channels {
            contest.counts.add(&channel.holder, 1);
            contest.by_kind[channel.holder.precedence()] += 1;
        }
        contest
    }

    /// The channel that has to end next; `None` when there is room.
    fn next_to_go(&self) -> Result<Option<usize>, CapacityExceeded> {
        let Self { holder, limits, .. } = self;
        let is_own_share =
            |channel: &HeldChannel<'_>| self.counts.is_in_the_way(&channel.holder, holder, limits.per_holder(holder));
        let is_of_own_kind = |channel: &HeldChannel<'_>| channel.holder.is_like(holder);
        let next = if self.channels.iter().any(|channel| is_own_share(channel)) {
            self.next_abandoned(is_own_share).or_else(|| self.next_of_leader(is_own_share))
        } else if self.len_of_kind(holder) >= limits.of_kind(holder) {
            self.next_abandoned(is_of_own_kind).or_else(|| self.next_of_leader(is_of_own_kind))
        } else if self.channels.len() >= limits.total {
            self.next_abandoned(|channel| channel.holder.precedence() <= holder.precedence())
                .or_else(|| self.next_of_other_kinds())
                .or_else(|| self.next_of_leader(is_of_own_kind))
        } else {
            return Ok(None);
        };
        next.map(|channel| Some(channel.id)).ok_or(CapacityExceeded::Channels)
    }

    /// Of the channels that nobody uses a stranger's before a member's, and then of whoever has most.
    fn next_abandoned(&self, may_go: impl Fn(&HeldChannel<'_>) -> bool) -> Option<&'a HeldChannel<'a>> {
        let abandoned = self.channels.iter().copied().filter(|channel| channel.users == 0 && may_go(channel));
        abandoned.max_by_key(|channel| {
            (Reverse(channel.holder.precedence()), self.counts.needed_share(&channel.holder), Reverse(channel.held_since))
        })
    }

    /// A channel of whoever has most, if that is more than the holder would have.
    fn next_of_leader(&self, may_go: impl Fn(&HeldChannel<'_>) -> bool) -> Option<&'a HeldChannel<'a>> {
        let leading = self.channels.iter().copied().filter(|channel| may_go(channel));
        let leading = leading.filter_map(|channel| Some((self.counts.lead(&channel.holder, self.holder, 1)?, channel)));
        let next = leading.max_by_key(|(lead, channel)| (*lead, self.counts.of(&channel.holder), channel.dispensability()));
        next.map(|(_, channel)| channel)
    }

    /// A channel of those who have more than is theirs, if the holder's kind has less.
    fn next_of_other_kinds(&self) -> Option<&'a HeldChannel<'a>> {
        let has_surplus = |holder: &Holder| self.len_of_kind(holder) > self.limits.reserved_for(holder);
        if self.len_of_kind(self.holder) >= self.limits.reserved_for(self.holder) {
            return None;
        }
        let others = self.channels.iter().copied().filter(|channel| !channel.holder.is_like(self.holder));
        let others = others.filter(|channel| has_surplus(&channel.holder));
        others.max_by_key(|channel| {
            let precedence = Reverse(channel.holder.precedence());
            (precedence, self.counts.needed_share(&channel.holder), channel.dispensability())
        })
    }

    fn len_of_kind(&self, holder: &Holder) -> usize {
        self.by_kind[holder.precedence()]
    }
}

impl HeldChannel<'_> {
    /// The greater, the fewer miss it: one that few use, and then the newest, so that what has long been there stays.
    fn dispensability(&self) -> (Reverse<usize>, u64) {
        (Reverse(self.users), self.held_since)
    }
}

#[cfg(test)]
mod tests;
