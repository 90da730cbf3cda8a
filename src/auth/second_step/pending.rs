use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::domain::{Person, PersonId, Timestamp, Username};
use crate::sessions::{InvalidSessionToken, SessionOptions, SessionToken};
use crate::store::StoreError;

/// The lifetime of a pending sign-in: enough to find a phone in another room.
const LIFETIME: Duration = Duration::from_mins(5);

/// The most pending sign-ins. Each has given a right password: a whole company at nine o'clock.
const MAX_PENDING: usize = 10_000;

/// The most of one person: their browsers, and not a script that fills the list with their password.
const MAX_PER_PERSON: usize = 8;

/// The token of a pending sign-in, after the right password and before the second factor: 256 random bits that open
/// nothing but the second step.
#[derive(Clone, Debug)]
pub struct PendingToken(SessionToken);

impl PendingToken {
    /// The value as the cookie carries it: base64url, 43 characters.
    pub fn reveal(&self) -> Zeroizing<String> {
        self.0.reveal()
    }
}

impl FromStr for PendingToken {
    type Err = InvalidSessionToken;

    fn from_str(text: &str) -> Result<Self, InvalidSessionToken> {
        text.parse().map(Self)
    }
}

/// The pending sign-ins, in memory, by the hash of their token: after a restart people begin again.
#[derive(Default)]
pub(super) struct PendingSignIns {
    sign_ins: Mutex<HashMap<[u8; 32], PendingSignIn>>,
}

/// A sign-in that waits for its second factor.
#[derive(Clone)]
pub(super) struct PendingSignIn {
    pub(super) person: Person,
    /// The typed name.
    pub(super) name: Username,
    /// The options of the session to begin.
    pub(super) options: SessionOptions,
    until: Timestamp,
}

impl PendingSignIns {
    /// Adds a sign-in. Where there is no room left, the oldest goes.
    pub(super) fn insert(
        &self,
        name: &Username,
        person: Person,
        options: SessionOptions,
        now: Timestamp,
    ) -> Result<PendingToken, StoreError> {
        let token = SessionToken::generate()?;
        let mut sign_ins = self.lock();
        sign_ins.retain(|_, sign_in| now < sign_in.until);
        let theirs = sign_ins.values().filter(|sign_in| sign_in.person.id == person.id).count();
        let id = person.id.clone();
        if theirs >= MAX_PER_PERSON {
            evict_oldest(&mut sign_ins, |sign_in| sign_in.person.id == id);
        }
        if sign_ins.len() >= MAX_PENDING {
            evict_oldest(&mut sign_ins, |_| true);
        }
        sign_ins.insert(token.hash(), PendingSignIn { person, name: name.clone(), options, until: now + LIFETIME });
        Ok(PendingToken(token))
    }

    /// The sign-in of this token.
    pub(super) fn find(&self, token: &PendingToken, now: Timestamp) -> Option<PendingSignIn> {
        self.lock().get(&token.0.hash()).filter(|sign_in| now < sign_in.until).cloned()
    }

    /// Removes all sign-ins of a person.
    pub(super) fn forget(&self, person: &PersonId) {
        self.lock().retain(|_, sign_in| sign_in.person.id != *person);
    }

    /// Removes the sign-in of this token. Of two requests with one token, one finds it.
    pub(super) fn take(&self, token: &PendingToken, now: Timestamp) -> Option<PendingSignIn> {
        self.lock().remove(&token.0.hash()).filter(|sign_in| now < sign_in.until)
    }

    /// Locks the map; a panic elsewhere leaves it whole.
    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], PendingSignIn>> {
        self.sign_ins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn evict_oldest(sign_ins: &mut HashMap<[u8; 32], PendingSignIn>, among: impl Fn(&PendingSignIn) -> bool) {
    let oldest = sign_ins.iter().filter(|(_, sign_in)| among(sign_in)).min_by_key(|(_, sign_in)| sign_in.until);
    if let Some(token) = oldest.map(|(token, _)| *token) {
        sign_ins.remove(&token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Groups, PersonId, Revalidation};

    const START: Timestamp = Timestamp::from_millis(1_795_309_126_976);

    fn person(name: &str) -> Person {
        Person {
            id: PersonId::new(name),
            directory: None,
            username: name.into(),
            principal: None,
            display_name: name.into(),
            groups: Groups::default(),
            password_expires: None,
        }
    }

    fn add(pending: &PendingSignIns, name: &str, now: Timestamp) -> PendingToken {
        let username = Username::parse(name).unwrap();
        pending.insert(&username, person(name), SessionOptions::password_only(Revalidation::Refreshed), now).unwrap()
    }

    #[test]
    fn a_sign_in_is_taken_once_and_kept_for_five_minutes() {
        let pending = PendingSignIns::default();
        let token = add(&pending, "alice", START);
        let almost = START + LIFETIME - Duration::from_millis(1);
        assert_eq!(pending.find(&token, almost).unwrap().person.username, "alice");
        assert!(pending.find(&token, START + LIFETIME).is_none());
        assert!(pending.take(&token, almost).is_some());
        assert!(pending.take(&token, almost).is_none());
        let other = PendingToken(SessionToken::generate().unwrap());
        assert!(pending.find(&other, START).is_none());
    }

    #[test]
    fn nobody_fills_the_list_with_one_password() {
        let pending = PendingSignIns::default();
        let bobs = add(&pending, "bob", START);
        let tokens: Vec<_> = (0..50).map(|at| add(&pending, "alice", START + Duration::from_millis(at))).collect();
        let now = START + Duration::from_secs(1);
        let kept = tokens.iter().filter(|token| pending.find(token, now).is_some()).count();
        assert_eq!(kept, MAX_PER_PERSON);
        assert!(pending.find(&tokens[49], now).is_some(), "the newest stays");
        assert!(pending.find(&bobs, now).is_some());
    }

    #[test]
    fn the_list_is_bounded() {
        let pending = PendingSignIns::default();
        let first = add(&pending, "the first", START);
        let now = START + Duration::from_secs(1);
        for at in 0..MAX_PENDING {
            add(&pending, &at.to_string(), now);
        }
        assert_eq!(pending.lock().len(), MAX_PENDING);
        assert!(pending.find(&first, now).is_none());
        add(&pending, "next morning", now + LIFETIME);
        assert_eq!(pending.lock().len(), 1);
    }
}
