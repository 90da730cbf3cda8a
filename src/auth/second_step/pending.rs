use std::collections::HashMap;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::domain::{Person, Timestamp, Username};
use crate::factors::CodeOrigin;
use crate::sessions::{InvalidSessionToken, SessionOptions, SessionToken};
use crate::store::StoreError;

/// The lifetime of a pending sign-in: enough to find a phone in another room.
pub(super) const LIFETIME: Duration = Duration::from_mins(5);

/// The most pending sign-ins. Each has given a right password: a whole company at nine o'clock.
pub(super) const MAX_PENDING: usize = 10_000;

/// The most of one person from one place: a few windows, and not a script that fills the list with their password. The places are
/// those that codes are counted by, so that whoever has the password does not push out the owner's.
pub(super) const MAX_PER_PLACE: usize = 4;

/// The most of one person from unfamiliar networks together.
pub(super) const MAX_UNFAMILIAR: usize = 32;

/// The token of a pending sign-in, after the right password and before the second factor: 256 random bits that open
/// nothing but the second step.
#[derive(Clone, Debug)]
pub struct PendingToken(SessionToken);

impl PendingToken {
    /// The value as the cookie carries it: base64url, 43 characters.
    pub fn reveal(&self) -> Zeroizing<String> {
        self.0.reveal()
    }

    /// Its SHA-256, by which its sign-in is found.
    pub(super) fn hash(&self) -> [u8; 32] {
        self.0.hash()
    }
}

impl FromStr for PendingToken {
    type Err = InvalidSessionToken;

    fn from_str(text: &str) -> Result<Self, InvalidSessionToken> {
        text.parse().map(Self)
    }
}

/// Where sign-ins wait for their second factor, by the hash of their token. Each method is atomic, so that several servers may
/// share them. It fails with a [`StoreError`] when the store cannot be asked.
#[async_trait]
pub(super) trait PendingSignInStore: Send + Sync {
    /// Adds a sign-in that was begun there. Where there is no room left, the oldest goes.
    async fn insert(
        &self,
        token_hash: [u8; 32],
        sign_in: PendingSignIn,
        origin: &CodeOrigin,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// The sign-in of this token.
    async fn find(&self, token_hash: &[u8; 32], now: Timestamp) -> Result<Option<PendingSignIn>, StoreError>;

    /// Removes the sign-in of this token. Of two requests with one token, one gets it.
    async fn take(&self, token_hash: &[u8; 32], now: Timestamp) -> Result<Option<PendingSignIn>, StoreError>;
}

/// The pending sign-ins of this process, in memory: after a restart people begin again.
#[derive(Default)]
pub(super) struct MemoryPendingSignIns {
    sign_ins: Mutex<HashMap<[u8; 32], WaitingSignIn>>,
}

struct WaitingSignIn {
    sign_in: PendingSignIn,
    origin: CodeOrigin,
    until: Timestamp,
}

/// A sign-in that waits for its second factor.
#[derive(Clone)]
pub(super) struct PendingSignIn {
    pub(super) person: Person,
    /// The typed name.
    pub(super) name: Username,
    /// The options of the session to begin.
    pub(super) options: SessionOptions,
}

impl PendingSignIn {
    /// A sign-in that waits, and the token for its browser.
    pub(super) fn new(name: &Username, person: Person, options: SessionOptions) -> Result<(PendingToken, Self), StoreError> {
        let sign_in = Self { person, name: name.clone(), options };
        Ok((PendingToken(SessionToken::generate()?), sign_in))
    }
}

impl WaitingSignIn {
    fn is_familiar(&self) -> bool {
        matches!(self.origin, CodeOrigin::FamiliarDevice(_))
    }
}

#[async_trait]
impl PendingSignInStore for MemoryPendingSignIns {
    async fn insert(
        &self,
        token_hash: [u8; 32],
        sign_in: PendingSignIn,
        origin: &CodeOrigin,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let sign_in = WaitingSignIn { sign_in, origin: origin.clone(), until: now + LIFETIME };
        let mut sign_ins = self.lock();
        sign_ins.retain(|_, sign_in| now < sign_in.until);
        let is_theirs = |other: &WaitingSignIn| other.sign_in.person.id == sign_in.sign_in.person.id;
        make_room(&mut sign_ins, MAX_PER_PLACE, |other| is_theirs(other) && other.origin == sign_in.origin);
        if !sign_in.is_familiar() {
            make_room(&mut sign_ins, MAX_UNFAMILIAR, |other| is_theirs(other) && !other.is_familiar());
        }
        make_room(&mut sign_ins, MAX_PENDING, |_| true);
        sign_ins.insert(token_hash, sign_in);
        Ok(())
    }

    async fn find(&self, token_hash: &[u8; 32], now: Timestamp) -> Result<Option<PendingSignIn>, StoreError> {
        Ok(self.lock().get(token_hash).filter(|waiting| now < waiting.until).map(|waiting| waiting.sign_in.clone()))
    }

    async fn take(&self, token_hash: &[u8; 32], now: Timestamp) -> Result<Option<PendingSignIn>, StoreError> {
        Ok(self.lock().remove(token_hash).filter(|waiting| now < waiting.until).map(|waiting| waiting.sign_in))
    }
}

impl MemoryPendingSignIns {
    /// Locks the map; a panic elsewhere leaves it whole.
    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], WaitingSignIn>> {
        self.sign_ins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes the oldest of those `among` which there may be `max`, if there are as many.
fn make_room(sign_ins: &mut HashMap<[u8; 32], WaitingSignIn>, max: usize, among: impl Fn(&WaitingSignIn) -> bool) {
    if sign_ins.values().filter(|sign_in| among(sign_in)).count() < max {
        return;
    }
    let oldest = sign_ins.iter().filter(|(_, sign_in)| among(sign_in)).min_by_key(|(_, sign_in)| sign_in.until);
    if let Some(token) = oldest.map(|(token, _)| *token) {
        sign_ins.remove(&token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Network, PersonId, Revalidation};

    const START: Timestamp = Timestamp::from_millis(1_795_309_126_976);

    fn person(name: &str) -> Person {
        Person { id: PersonId::new(name), ..Person::named(name) }
    }

    async fn add(pending: &dyn PendingSignInStore, name: &str, now: Timestamp) -> PendingToken {
        add_from(pending, name, CodeOrigin::Network(Network::widest_of(None)), now).await
    }

    async fn add_from(pending: &dyn PendingSignInStore, name: &str, origin: CodeOrigin, now: Timestamp) -> PendingToken {
        let (username, options) = (Username::parse(name).unwrap(), SessionOptions::password_only(Revalidation::Refreshed));
        let (token, sign_in) = PendingSignIn::new(&username, person(name), options).unwrap();
        pending.insert(token.hash(), sign_in, &origin, now).await.unwrap();
        token
    }

    async fn finds(pending: &dyn PendingSignInStore, token: &PendingToken, now: Timestamp) -> Option<PendingSignIn> {
        pending.find(&token.hash(), now).await.unwrap()
    }

    #[tokio::test]
    async fn a_sign_in_is_taken_once_and_kept_for_five_minutes() {
        let pending = MemoryPendingSignIns::default();
        let token = add(&pending, "alice", START).await;
        let almost = START + LIFETIME - Duration::from_millis(1);
        assert_eq!(finds(&pending, &token, almost).await.unwrap().person.username, "alice");
        assert!(finds(&pending, &token, START + LIFETIME).await.is_none());
        assert!(pending.take(&token.hash(), almost).await.unwrap().is_some());
        assert!(pending.take(&token.hash(), almost).await.unwrap().is_none());
        let other = PendingToken(SessionToken::generate().unwrap());
        assert!(finds(&pending, &other, START).await.is_none());
    }

    #[tokio::test]
    async fn of_two_who_take_one_one_gets_it() {
        let pending = MemoryPendingSignIns::default();
        let token = add(&pending, "alice", START).await.hash();
        let (one, other) = tokio::join!(pending.take(&token, START), pending.take(&token, START));
        assert_ne!(one.unwrap().is_some(), other.unwrap().is_some());
    }

    #[tokio::test]
    async fn nobody_fills_the_list_with_one_password() {
        let pending = MemoryPendingSignIns::default();
        let bobs = add(&pending, "bob", START).await;
        let mut tokens = Vec::new();
        for at in 0..50 {
            tokens.push(add(&pending, "alice", START + Duration::from_millis(at)).await);
        }
        let now = START + Duration::from_secs(1);
        let mut kept = 0;
        for token in &tokens {
            kept += usize::from(finds(&pending, token, now).await.is_some());
        }
        assert_eq!(kept, MAX_PER_PLACE);
        assert!(finds(&pending, &tokens[49], now).await.is_some(), "the newest stays");
        assert!(finds(&pending, &bobs, now).await.is_some());
    }

    #[tokio::test]
    async fn whoever_has_the_password_does_not_push_out_the_owner_s() {
        let pending = MemoryPendingSignIns::default();
        let network = |number: u16| CodeOrigin::Network(Network::widest_of(format!("2001:db8:{number:x}::1").parse().ok()));
        let owners = add_from(&pending, "alice", CodeOrigin::FamiliarDevice("desk".to_owned()), START).await;
        let elsewhere = add_from(&pending, "alice", network(0), START).await;
        let now = START + Duration::from_secs(1);
        for _ in 0..50 {
            add_from(&pending, "alice", network(1), now).await;
        }
        assert!(finds(&pending, &elsewhere, now).await.is_some(), "a thief from one network pushes out their own");
        for number in 0..1_000 {
            add_from(&pending, "alice", network(number), now).await;
        }
        assert!(finds(&pending, &owners, now).await.is_some(), "from however many");
        assert_eq!(pending.lock().len(), MAX_UNFAMILIAR + 1);
    }

    #[tokio::test]
    async fn the_list_is_bounded() {
        let pending = MemoryPendingSignIns::default();
        let first = add(&pending, "the first", START).await;
        let now = START + Duration::from_secs(1);
        for at in 0..MAX_PENDING {
            add(&pending, &at.to_string(), now).await;
        }
        assert_eq!(pending.lock().len(), MAX_PENDING);
        assert!(finds(&pending, &first, now).await.is_none());
        add(&pending, "next morning", now + LIFETIME).await;
        assert_eq!(pending.lock().len(), 1);
    }
}
