use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::pending::{LIFETIME, MAX_PENDING, MAX_PER_PLACE, MAX_UNFAMILIAR, PendingSignIn, PendingSignInStore};
use crate::auth::ShortLivedStore;
use crate::domain::{Person, PersonEpoch, Revalidation, Timestamp, Username, millis_of};
use crate::factors::CodeOrigin;
use crate::sessions::SessionOptions;
use crate::store::StoreError;

/// The part of a pending sign-in that is sealed.
#[derive(Serialize, Deserialize)]
struct StoredSignIn {
    person: Person,
    name: String,
    is_refreshed: bool,
    second_factor: bool,
    stay_signed_in: bool,
    epoch: PersonEpoch,
}

/// The pending sign-ins of all nodes. Their time is the database's.
#[async_trait]
impl PendingSignInStore for ShortLivedStore {
    async fn insert(
        &self,
        token_hash: [u8; 32],
        sign_in: PendingSignIn,
        origin: &CodeOrigin,
        _now: Timestamp,
    ) -> Result<(), StoreError> {
        let (place, is_familiar) = match origin {
            CodeOrigin::FamiliarDevice(digest) => (format!("device {digest}"), true),
            CodeOrigin::Network(network) => (format!("network {network}"), false),
        };
        let person = sign_in.person.id.clone();
        let sealed = self.seal(&token_hash, &StoredSignIn::from(sign_in))?;
        let mut transaction = self.store.begin().await?;
        // One after another, so that there are never more than that.
        let lock = sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('pending sign-ins', 0))");
        transaction.execute(lock).await?;
        transaction.execute(sqlx::query("DELETE FROM pending_sign_ins WHERE until <= clock_timestamp()")).await?;
        let of_place = sqlx::query(
            "DELETE FROM pending_sign_ins WHERE token_hash IN (SELECT token_hash FROM pending_sign_ins
                 WHERE person_id = $1 AND place = $2 ORDER BY until DESC OFFSET $3)",
        );
        transaction.execute(of_place.bind(person.as_str()).bind(&place).bind(all_but_one(MAX_PER_PLACE))).await?;
        if !is_familiar {
            let unfamiliar = sqlx::query(
                "DELETE FROM pending_sign_ins WHERE token_hash IN (SELECT token_hash FROM pending_sign_ins
                     WHERE person_id = $1 AND NOT is_familiar ORDER BY until DESC OFFSET $2)",
            );
            transaction.execute(unfamiliar.bind(person.as_str()).bind(all_but_one(MAX_UNFAMILIAR))).await?;
        }
        let surplus = sqlx::query(
            "DELETE FROM pending_sign_ins WHERE token_hash IN (SELECT token_hash FROM pending_sign_ins
                 ORDER BY until DESC OFFSET $1)",
        );
        transaction.execute(surplus.bind(all_but_one(MAX_PENDING))).await?;
        let insert = sqlx::query(
            "INSERT INTO pending_sign_ins (token_hash, person_id, place, is_familiar, sealed, until)
             VALUES ($1, $2, $3, $4, $5, clock_timestamp() + $6 * interval '1 millisecond')",
        );
        let insert = insert.bind(token_hash.to_vec()).bind(person.as_str()).bind(&place).bind(is_familiar);
        transaction.execute(insert.bind(sealed).bind(millis_of(LIFETIME))).await?;
        transaction.commit().await
    }

    async fn find(&self, token_hash: &[u8; 32], _now: Timestamp) -> Result<Option<PendingSignIn>, StoreError> {
        let find = sqlx::query_as("SELECT sealed FROM pending_sign_ins WHERE token_hash = $1 AND until > clock_timestamp()");
        let found: Option<(Vec<u8>,)> = self.store.fetch_optional(find.bind(token_hash.to_vec())).await?;
        Ok(found.and_then(|(sealed,)| self.sign_in(token_hash, &sealed)))
    }

    async fn take(&self, token_hash: &[u8; 32], _now: Timestamp) -> Result<Option<PendingSignIn>, StoreError> {
        let take =
            sqlx::query_as("DELETE FROM pending_sign_ins WHERE token_hash = $1 AND until > clock_timestamp() RETURNING sealed");
        let taken: Option<(Vec<u8>,)> = self.store.fetch_optional(take.bind(token_hash.to_vec())).await?;
        Ok(taken.and_then(|(sealed,)| self.sign_in(token_hash, &sealed)))
    }
}

impl ShortLivedStore {
    fn sign_in(&self, token_hash: &[u8; 32], sealed: &[u8]) -> Option<PendingSignIn> {
        let StoredSignIn { person, name, is_refreshed, second_factor, stay_signed_in, epoch } =
            self.open_sealed(token_hash, sealed)?;
        let revalidation = if is_refreshed { Revalidation::Refreshed } else { Revalidation::Unrefreshed };
        let options = SessionOptions { revalidation, second_factor, stay_signed_in, epoch };
        Some(PendingSignIn { person, name: Username::parse(&name).ok()?, options })
    }
}

impl From<PendingSignIn> for StoredSignIn {
    fn from(PendingSignIn { person, name, options }: PendingSignIn) -> Self {
        let SessionOptions { revalidation, second_factor, stay_signed_in, epoch } = options;
        let is_refreshed = revalidation == Revalidation::Refreshed;
        Self { person, name: name.as_str().to_owned(), is_refreshed, second_factor, stay_signed_in, epoch }
    }
}

/// How many of so many stay when one more comes.
fn all_but_one(most: usize) -> i64 {
    i64::try_from(most.saturating_sub(1)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::second_step::PendingToken;
    use crate::auth::short_lived::tests::two_nodes;
    use crate::domain::{Network, PersonId};

    const NOW: Timestamp = Timestamp::from_millis(1_795_309_126_976);

    async fn add(store: &ShortLivedStore, name: &str, origin: &CodeOrigin) -> PendingToken {
        let person = Person { id: PersonId::new(name), ..Person::named(name) };
        let options = SessionOptions { stay_signed_in: true, ..SessionOptions::password_only(Revalidation::Refreshed) };
        let (token, sign_in) = PendingSignIn::new(&Username::parse(name).unwrap(), person, options).unwrap();
        store.insert(token.hash(), sign_in, origin, NOW).await.unwrap();
        token
    }

    fn network(number: u16) -> CodeOrigin {
        CodeOrigin::Network(Network::widest_of(format!("2001:db8:{number:x}::1").parse().ok()))
    }

    #[tokio::test]
    async fn what_was_begun_on_one_node_is_finished_on_another_and_once() {
        let Some((here, there)) = two_nodes().await else { return };
        let token = add(&here, "alice", &network(1)).await.hash();
        let found = there.find(&token, NOW).await.unwrap().unwrap();
        assert_eq!((&*found.person.username, found.name.as_str(), found.options.stay_signed_in), ("alice", "alice", true));
        let (sealed,): (Vec<u8>,) = here.store.fetch_one(sqlx::query_as("SELECT sealed FROM pending_sign_ins")).await.unwrap();
        assert!(!sealed.windows(5).any(|bytes| bytes == b"alice"), "nobody reads it in the database");
        let (one, other) = tokio::join!(here.take(&token, NOW), there.take(&token, NOW));
        assert_ne!(one.unwrap().is_some(), other.unwrap().is_some());
        let late = add(&here, "alice", &network(1)).await.hash();
        let age = sqlx::query("UPDATE pending_sign_ins SET until = clock_timestamp()");
        here.store.execute(age).await.unwrap();
        assert!(there.find(&late, NOW).await.unwrap().is_none() && there.take(&late, NOW).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn nobody_fills_the_list_with_one_password_or_pushes_out_the_owner_s() {
        let Some((here, there)) = two_nodes().await else { return };
        let owners = add(&here, "alice", &CodeOrigin::FamiliarDevice("desk".to_owned())).await.hash();
        let bobs = add(&here, "bob", &network(1)).await.hash();
        let mut last = None;
        for number in 0..60 {
            let node = if number % 2 == 0 { &here } else { &there };
            last = Some(add(node, "alice", &network(number / 10)).await.hash());
        }
        let count = async |of: &str| {
            let count = sqlx::query_as("SELECT count(*) FROM pending_sign_ins WHERE person_id = $1");
            let (count,): (i64,) = here.store.fetch_one(count.bind(of.to_owned())).await.unwrap();
            count
        };
        assert_eq!(count("alice").await, 1 + 6 * i64::try_from(MAX_PER_PLACE).unwrap());
        for number in 100..140 {
            last = Some(add(&there, "alice", &network(number)).await.hash());
        }
        assert_eq!(count("alice").await, 1 + i64::try_from(MAX_UNFAMILIAR).unwrap());
        for token in [owners, bobs, last.unwrap()] {
            assert!(there.find(&token, NOW).await.unwrap().is_some());
        }
    }
}
