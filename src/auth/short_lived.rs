use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::Keys;
use crate::domain::{SessionId, millis_of};
use crate::store::{AeadCipher, PostgresDatabase, PostgresStore, StoreError, StoreKind};

const KIND: StoreKind = StoreKind { name: "store of sign-ins in progress", if_recreated: "who was signing in begins again" };

/// The store of what a sign-in or a request leaves for minutes, in a PostgreSQL database that all nodes share: whichever gets the next
/// request finds it. Cheap to clone; the clones are one.
#[derive(Clone)]
pub struct ShortLivedStore {
    pub(super) store: PostgresStore,
    cipher: Arc<AeadCipher>,
}

impl ShortLivedStore {
    /// Opens the tables, and makes them where there are none.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be reached, or was written by another version.
    pub async fn open(database: &PostgresDatabase, keys: &Keys) -> Result<Self, StoreError> {
        let store = PostgresStore::open(database, KIND, "auth", sqlx::migrate!("src/auth/migrations_postgres")).await?;
        Ok(Self { store, cipher: Arc::new(keys.short_lived_cipher()) })
    }

    /// Keeps a secret of this kind for the page that shows it to this session, in place of one that it has not seen.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn put_shown_once(
        &self,
        session: SessionId,
        kind: &str,
        secret: &str,
        lifetime: Duration,
    ) -> Result<(), StoreError> {
        let sealed = self.cipher.seal(&shown_once_data(session, kind), secret.as_bytes())?;
        let put = sqlx::query(
            "INSERT INTO shown_once (session_id, kind, sealed, until)
             VALUES ($1, $2, $3, clock_timestamp() + $4 * interval '1 millisecond')
             ON CONFLICT (session_id, kind) DO UPDATE SET sealed = excluded.sealed, until = excluded.until",
        );
        self.store.execute(put.bind(session).bind(kind).bind(sealed).bind(millis_of(lifetime))).await.map(drop)
    }

    /// Takes the secret of this session, if there is one that it has not seen: of two requests one gets it.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be asked.
    pub async fn take_shown_once(&self, session: SessionId, kind: &str) -> Result<Option<Zeroizing<String>>, StoreError> {
        let take = sqlx::query_as(
            "DELETE FROM shown_once WHERE session_id = $1 AND kind = $2 RETURNING sealed, until > clock_timestamp()",
        );
        let taken: Option<(Vec<u8>, bool)> = self.store.fetch_optional(take.bind(session).bind(kind)).await?;
        let Some((sealed, true)) = taken else { return Ok(None) };
        let opened = self.cipher.open(&shown_once_data(session, kind), &sealed);
        Ok(opened.and_then(|opened| Some(Zeroizing::new(str::from_utf8(&opened).ok()?.to_owned()))))
    }

    /// Deletes what is over. To be called every minute or so, by one node.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written; what is over counts as nothing none the less.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        for table in [
            "DELETE FROM pending_sign_ins WHERE until <= clock_timestamp()",
            "DELETE FROM used_nonces WHERE until <= clock_timestamp()",
            "DELETE FROM shown_once WHERE until <= clock_timestamp()",
            "DELETE FROM password_subjects WHERE kept_until <= clock_timestamp()",
        ] {
            self.store.execute(sqlx::query(table)).await?;
        }
        Ok(())
    }

    /// Seals a value as JSON, to be opened with the same `associated_data`.
    pub(super) fn seal(&self, associated_data: &[u8], value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
        let json = serde_json::to_vec(value).map(Zeroizing::new).map_err(|error| self.store.failed(&error))?;
        self.cipher.seal(associated_data, &json)
    }

    /// Opens a sealed value; `None` where it was sealed with another key.
    pub(super) fn open_sealed<T: DeserializeOwned>(&self, associated_data: &[u8], sealed: &[u8]) -> Option<T> {
        serde_json::from_slice(&self.cipher.open(associated_data, sealed)?).ok()
    }
}

fn shown_once_data(session: SessionId, kind: &str) -> Vec<u8> {
    format!("{kind} shown once to {session}").into_bytes()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::store::PostgresNews;

    /// The store of a new database, as two nodes have it. `None` where there is no server.
    pub(in crate::auth) async fn two_nodes() -> Option<(ShortLivedStore, ShortLivedStore)> {
        let [here, there] = PostgresDatabase::nodes_of_test()?;
        let keys = Keys::from_secret(&[7; 32]);
        PostgresNews::open(&here).await.unwrap();
        Some((ShortLivedStore::open(&here, &keys).await.unwrap(), ShortLivedStore::open(&there, &keys).await.unwrap()))
    }

    #[tokio::test]
    async fn what_is_over_is_swept_and_nothing_opens_with_another_key() {
        let Some((here, there)) = two_nodes().await else { return };
        let sealed = here.seal(b"data", &"a secret").unwrap();
        assert_eq!(there.open_sealed::<String>(b"data", &sealed).unwrap(), "a secret");
        assert!(there.open_sealed::<String>(b"other data", &sealed).is_none());
        let insert = "INSERT INTO used_nonces (random, issued_at, highest, bitmap, until)
                      SELECT decode(lpad(to_hex(n), 16, '0'), 'hex'), 0, 1, 0, clock_timestamp() + (n - 5) * interval '1 hour'
                      FROM generate_series(1, 10) AS n";
        here.store.execute(sqlx::query(insert)).await.unwrap();
        there.sweep().await.unwrap();
        let (left,): (i64,) = here.store.fetch_one(sqlx::query_as("SELECT count(*) FROM used_nonces")).await.unwrap();
        assert_eq!(left, 5);
    }

    #[tokio::test]
    async fn a_secret_is_shown_once_on_whichever_node() {
        let Some((here, there)) = two_nodes().await else { return };
        let [alice, bob] = [1, 2].map(SessionId::new);
        let minute = Duration::from_mins(1);
        here.put_shown_once(alice, "token", "outdated", minute).await.unwrap();
        here.put_shown_once(alice, "token", "a secret", minute).await.unwrap();
        here.put_shown_once(alice, "codes", "codes", minute).await.unwrap();
        let (sealed,): (Vec<u8>,) = here.store.fetch_one(sqlx::query_as("SELECT sealed FROM shown_once")).await.unwrap();
        assert!(!sealed.windows(6).any(|bytes| bytes == b"secret"), "nobody reads it in the database");
        assert!(there.take_shown_once(bob, "token").await.unwrap().is_none());
        let (one, other) = tokio::join!(here.take_shown_once(alice, "token"), there.take_shown_once(alice, "token"));
        let taken: Vec<_> = [one.unwrap(), other.unwrap()].into_iter().flatten().collect();
        assert_eq!(taken.iter().map(|text| text.as_str()).collect::<Vec<_>>(), ["a secret"]);
        here.put_shown_once(bob, "token", "late", Duration::ZERO).await.unwrap();
        assert!(there.take_shown_once(bob, "token").await.unwrap().is_none());
    }
}
