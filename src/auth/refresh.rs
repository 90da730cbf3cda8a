mod kept;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use itertools::Itertools as _;
use tokio::sync::watch;

use crate::audit::{Audit, Event};
use crate::directory::{AccountStatus, Directory, RemovalReason, Unreachable};
use crate::domain::{Client, Clock, DirectoryName, EndReason, Groups, Person, PersonId, Timestamp};
use crate::sessions::{People, Sessions};
use crate::store::StoreError;
use crate::tokens::Tokens;
use kept::{Ended, Kept};

/// How many people the directory is asked about together: two searches for them, and one or two a level of nesting for
/// all their groups. More would make one question long, fewer would read the same groups again and again.
const ASKED_TOGETHER: usize = 200;

/// People are divided over the interval in at most so many parts: a steady trickle, in tens of searches.
const MOST_PARTS: usize = 10;

/// Fewer people than this are not worth two questions.
const SMALLEST_PART: usize = 100;

/// How soon a directory that could not be asked is tried again …
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// … and how rarely at the most, after twice as long each time: a minute after it is back, everybody is confirmed.
const TRY_AGAIN_AT_LEAST: Duration = Duration::from_mins(1);

/// How many people a directory that could not be asked is tried with.
const TRIED_WITH: usize = 10;

/// When nothing can be said of so few, it may be for something about them.
const FEW: usize = 3;

/// Keeps the sessions true to the directory: asks it again and again what became of the people who are signed in.
///
/// Every person's turn comes once in every interval. What the directory cannot say ends nothing: those people's
/// sessions live on until they are too old (`sessions.max_staleness`), and are good again when it answers.
pub struct Refresh {
    directory: Arc<dyn Directory>,
    kept: Kept,
    audit: Audit,
    clock: Arc<dyn Clock>,
    every: Duration,
    report: watch::Sender<Report>,
}

/// How keeping the sessions true goes, for admins and for the note that members see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// When everybody had last been asked about.
    pub last_round: Option<Timestamp>,
    /// How many people that were.
    pub people: usize,
    /// The directories that cannot be asked, by their names; the default one has none.
    pub away: BTreeMap<Option<DirectoryName>, Away>,
}

/// A directory that cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Away {
    /// Since when.
    pub since: Timestamp,
    /// Why, for admins.
    pub reason: String,
}

/// Where the turn is, and what waits for a directory to come back.
#[derive(Default)]
struct Turn {
    /// The last person that was asked about in this round.
    after: Option<PersonId>,
    /// How many were, in this round.
    asked: usize,
    /// Some of the people whom a directory could not be asked about: it is tried with them.
    unanswered: BTreeMap<Option<DirectoryName>, Vec<Person>>,
    /// How long to wait before it is.
    patience: Duration,
}

impl Refresh {
    /// The work, not begun. `every` is how often each person's turn comes.
    pub fn new(
        directory: Arc<dyn Directory>,
        sessions: Sessions,
        audit: Audit,
        clock: Arc<dyn Clock>,
        every: Duration,
    ) -> Self {
        let kept = Kept { sessions, tokens: None };
        Self { directory, kept, audit, clock, every, report: watch::Sender::default() }
    }

    /// Keeps API tokens true as well.
    #[must_use]
    pub fn with_tokens(mut self, tokens: Tokens) -> Self {
        self.kept.tokens = Some(tokens);
        self
    }

    /// How it goes.
    pub fn report(&self) -> Report {
        self.report.borrow().clone()
    }

    /// How it goes, as it changes.
    pub fn reports(&self) -> watch::Receiver<Report> {
        self.report.subscribe()
    }

    /// Since when the directory that somebody is in cannot be asked.
    pub fn away_since(&self, directory: Option<&DirectoryName>) -> Option<Timestamp> {
        self.report.borrow().away.get(&directory.cloned()).map(|away| away.since)
    }

    /// Asks about these people now, out of turn: something about them has changed.
    ///
    /// # Errors
    /// [`StoreError`] when their sessions cannot be written; they follow at their next turn.
    pub async fn ask_now(&self, people: &[Person]) -> Result<(), StoreError> {
        self.ask(&mut Turn::default(), people).await
    }

    /// The next people, at most `most`, who have a session or an API token, from behind `after` on.
    ///
    /// # Errors
    /// [`StoreError`] when the stores cannot be asked.
    pub async fn people(&self, after: Option<&PersonId>, most: usize) -> Result<People, StoreError> {
        self.kept.people(after, most).await
    }

    /// How often each person's turn comes.
    pub fn every(&self) -> Duration {
        self.every
    }

    /// Works for as long as it is polled. Begins with everybody, since nobody knows how long the program was down.
    pub async fn run(&self) {
        let mut turn = Turn::default();
        logged(self.kept.settle_upkeep(|person| self.directory.upkeep(person)).await);
        logged(self.whole_round(&mut turn).await);
        loop {
            let parts = parts(logged(self.kept.count_people().await).unwrap_or_default());
            let mut left = self.every / u32::try_from(parts).unwrap_or(u32::MAX);
            // While a directory is away, it is tried between one part's turn and the next's.
            while !turn.unanswered.is_empty() && !left.is_zero() {
                let nap = turn.patience.min(left);
                self.clock.sleep(nap).await;
                left -= nap;
                let back = self.try_again(&mut turn).await;
                if logged(back) == Some(true) {
                    logged(self.whole_round(&mut turn).await);
                }
            }
            self.clock.sleep(left).await;
            logged(self.next_part(&mut turn, parts).await);
        }
    }

    /// Asks about everybody, one after the other, as at the start or when a directory is back.
    async fn whole_round(&self, turn: &mut Turn) -> Result<(), StoreError> {
        (turn.after, turn.asked) = (None, 0);
        while self.ask_the_next(turn, ASKED_TOGETHER).await? {}
        Ok(())
    }

    /// Asks about the next part of the people.
    async fn next_part(&self, turn: &mut Turn, parts: usize) -> Result<(), StoreError> {
        let mut left = self.kept.count_people().await?.div_ceil(parts);
        loop {
            let goes_on = self.ask_the_next(turn, left.clamp(1, ASKED_TOGETHER)).await?;
            left = left.saturating_sub(ASKED_TOGETHER);
            if !goes_on || left == 0 {
                return Ok(());
            }
        }
    }

    /// Asks about the next few people. `false` at the end of the round.
    async fn ask_the_next(&self, turn: &mut Turn, most: usize) -> Result<bool, StoreError> {
        let People { people, last } = self.kept.people(turn.after.as_ref(), most).await?;
        let is_the_last = last.is_none();
        turn.asked += people.len();
        turn.after = last;
        // One that is away is tried by itself: nobody else's answer waits for its time-outs.
        let (away, asked): (Vec<_>, Vec<_>) =
            people.into_iter().partition(|person| turn.unanswered.contains_key(&person.directory));
        drop(away);
        self.ask(turn, &asked).await?;
        if is_the_last {
            let (now, asked) = (self.clock.now(), turn.asked);
            turn.asked = 0;
            self.report.send_if_modified(|report| {
                let is_whole = report.away.is_empty();
                if is_whole {
                    (report.last_round, report.people) = (Some(now), asked);
                }
                is_whole
            });
        }
        Ok(!is_the_last)
    }

    /// Tries the directories that are away with a few of their people. `true` when one of them answers again.
    async fn try_again(&self, turn: &mut Turn) -> Result<bool, StoreError> {
        let away = turn.unanswered.len();
        let tried: Vec<Person> = turn.unanswered.values().flatten().cloned().collect();
        self.ask(turn, &tried).await?;
        turn.patience = (turn.patience * 2).min(TRY_AGAIN_AT_LEAST);
        Ok(turn.unanswered.len() < away)
    }

    /// Asks what became of these people, and has their sessions follow.
    async fn ask(&self, turn: &mut Turn, people: &[Person]) -> Result<(), StoreError> {
        if people.is_empty() {
            return Ok(());
        }
        let asked_at = self.clock.now();
        let answers = self.directory.refresh(people).await;
        if !self.is_about_them_alone(people, &answers).await {
            self.note_who_answered(turn, people, &answers, asked_at);
        }
        let mut here = Vec::new();
        for (before, answer) in people.iter().zip(answers) {
            match answer {
                Ok(AccountStatus::Active(now)) => {
                    self.write_down_groups(before, &now);
                    here.push(now);
                }
                Ok(AccountStatus::Removed(departure)) => self.sign_out(before, departure, asked_at).await?,
                Err(_said_for_the_directory) => (),
            }
        }
        self.kept.confirm(&here, asked_at).await
    }

    /// Whether nothing could be said of these few although the directory is there: somebody in more groups than it sends,
    /// say. That must not keep it from being asked about everybody else.
    async fn is_about_them_alone(&self, people: &[Person], answers: &[Result<AccountStatus, Unreachable>]) -> bool {
        people.len() <= FEW
            && people.iter().all(|person| person.directory.is_none())
            && answers.iter().all(Result::is_err)
            && self.directory.check_reachable().await.is_ok()
    }

    /// A directory that answered about nobody is away; one that answered about somebody is there, even if it cannot
    /// say everything about everybody.
    fn note_who_answered(
        &self,
        turn: &mut Turn,
        people: &[Person],
        answers: &[Result<AccountStatus, Unreachable>],
        now: Timestamp,
    ) {
        let by_directory = people.iter().zip(answers).into_group_map_by(|(person, _)| person.directory.clone());
        self.report.send_modify(|report| {
            for (directory, answers) in by_directory {
                let failed = answers.iter().find_map(|(_, answer)| answer.as_ref().err());
                let is_silent = answers.iter().all(|(_, answer)| answer.is_err());
                match failed.filter(|_| is_silent) {
                    None => {
                        turn.unanswered.remove(&directory);
                        report.is_back(directory.as_ref(), now);
                    }
                    Some(Unreachable { reason, .. }) => {
                        if turn.unanswered.is_empty() {
                            turn.patience = TRY_AGAIN;
                        }
                        let tried_with = answers.iter().take(TRIED_WITH).map(|(person, _)| (*person).clone());
                        turn.unanswered.entry(directory.clone()).or_insert_with(|| tried_with.collect());
                        report.is_away(directory, reason, now);
                    }
                }
            }
        });
    }

    fn write_down_groups(&self, before: &Person, now: &Person) {
        let gained = names_of_those_not_in(&now.groups, &before.groups);
        let lost = names_of_those_not_in(&before.groups, &now.groups);
        if !gained.is_empty() || !lost.is_empty() {
            let event = Event::GroupsChanged { person: now, gained: &gained, lost: &lost };
            self.audit.record(&Client::default(), &event);
        }
    }

    async fn sign_out(&self, person: &Person, departure: RemovalReason, asked_at: Timestamp) -> Result<(), StoreError> {
        let Ended { sessions, tokens } = self.kept.end_all_of(&person.id, asked_at).await?;
        if sessions.is_empty() && tokens.is_empty() {
            return Ok(());
        }
        self.audit.record(&Client::default(), &Event::AccountClosed { person, reason: departure.word() });
        for session in sessions {
            let event = Event::SessionEnded { person, session: session.id, reason: EndReason::Revoked };
            self.audit.record(&session.client, &event);
        }
        for token in tokens {
            let event = Event::TokenEnded { person, token: token.id, reason: EndReason::Revoked };
            self.audit.record(&Client::default(), &event);
        }
        Ok(())
    }
}

impl Report {
    fn is_back(&mut self, directory: Option<&DirectoryName>, now: Timestamp) {
        if let Some(away) = self.away.remove(&directory.cloned()) {
            let away_seconds = now.since(away.since).as_secs();
            tracing::info!(
                directory = name(directory),
                away_seconds,
                "the directory answers again: everybody who is signed in is asked about at once"
            );
        }
    }

    fn is_away(&mut self, directory: Option<DirectoryName>, reason: &str, now: Timestamp) {
        let away = self.away.entry(directory).or_insert_with_key(|directory| {
            tracing::warn!(
                directory = name(directory.as_ref()),
                "nobody can be asked whether those who are signed in still may be: their sessions live on until they \
                 are older than sessions.max_staleness"
            );
            Away { since: now, reason: String::new() }
        });
        reason.clone_into(&mut away.reason);
    }
}

/// The store's failures are told here; the next turn tries again.
fn logged<T>(done: Result<T, StoreError>) -> Option<T> {
    done.inspect_err(|error| tracing::error!(%error, "the sessions could not be kept true to the directory")).ok()
}

/// In how many parts so many people are asked about.
fn parts(people: usize) -> usize {
    people.div_ceil(SMALLEST_PART).clamp(1, MOST_PARTS)
}

fn name(directory: Option<&DirectoryName>) -> &str {
    directory.map_or("the default one", DirectoryName::as_str)
}

fn names_of_those_not_in(groups: &Groups, others: &Groups) -> String {
    let others: HashSet<_> = others.iter().map(|group| &group.id).collect();
    groups.iter().filter(|group| !others.contains(&group.id)).map(|group| group.name.as_str()).join(", ")
}

#[cfg(test)]
mod tests;
