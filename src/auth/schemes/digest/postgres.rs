use async_trait::async_trait;

use super::nonce::{LIFETIME, MAX_CLOCK_SKEW, MAX_REMEMBERED, Nonce, ReplayWindow, UsedNonceStore};
use crate::auth::ShortLivedStore;
use crate::domain::{Timestamp, millis_of};
use crate::store::{PostgresTransaction, StoreError};

/// The used nonces of all nodes. They are remembered for longer than any node takes them for valid, whatever its clock shows.
#[async_trait]
impl UsedNonceStore for ShortLivedStore {
    async fn valid_since(&self) -> Result<Timestamp, StoreError> {
        let (valid_since,) = self.store.fetch_one(sqlx::query_as("SELECT valid_since FROM nonce_horizon")).await?;
        Ok(valid_since)
    }

    async fn consume(&self, nonce: &Nonce, count: u32, _now: Timestamp) -> Result<bool, StoreError> {
        let mut transaction = self.store.begin().await?;
        let insert = sqlx::query(
            "INSERT INTO used_nonces (random, issued_at, highest, bitmap, until)
             SELECT $1, $2, $3, 0, clock_timestamp() + $4 * interval '1 millisecond' FROM nonce_horizon WHERE valid_since <= $2
             ON CONFLICT (random) DO NOTHING",
        );
        let until = millis_of(LIFETIME + 2 * MAX_CLOCK_SKEW);
        let insert = insert.bind(nonce.random.to_vec()).bind(nonce.issued_at).bind(i64::from(count)).bind(until);
        if transaction.execute(insert).await? > 0 {
            // Another node may have made older nonces stale, and forgotten this one, while the row was waited for.
            let horizon = sqlx::query_as("SELECT valid_since FROM nonce_horizon WHERE valid_since <= $1").bind(nonce.issued_at);
            if transaction.fetch_optional::<(Timestamp,)>(horizon).await?.is_none() {
                transaction.rollback().await?;
                return Ok(false);
            }
            evict(&mut transaction).await?;
            transaction.commit().await?;
            return Ok(true);
        }
        // Whoever uses another count of it at the same time waits here.
        let select = sqlx::query_as("SELECT issued_at, highest, bitmap FROM used_nonces WHERE random = $1 FOR UPDATE");
        let found: Option<(Timestamp, i64, i64)> = transaction.fetch_optional(select.bind(nonce.random.to_vec())).await?;
        let Some((issued_at, highest, bitmap)) = found else {
            transaction.rollback().await?;
            return Ok(false);
        };
        let highest = u32::try_from(highest).map_err(|error| self.store.damaged(&error))?;
        let mut window = ReplayWindow { issued_at, highest, bitmap: bitmap.cast_unsigned() };
        let is_new = window.consume(count);
        if is_new {
            let update = sqlx::query("UPDATE used_nonces SET highest = $2, bitmap = $3 WHERE random = $1");
            let update = update.bind(nonce.random.to_vec()).bind(i64::from(window.highest)).bind(window.bitmap.cast_signed());
            transaction.execute(update).await?;
        }
        transaction.commit().await?;
        Ok(is_new)
    }
}

/// Makes the older half stale where there are too many.
async fn evict(transaction: &mut PostgresTransaction) -> Result<(), StoreError> {
    let most = i64::try_from(MAX_REMEMBERED).unwrap_or(i64::MAX);
    let horizon = sqlx::query(
        "UPDATE nonce_horizon SET valid_since = greatest(valid_since, (
             SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY issued_at) + 1 FROM used_nonces))
         WHERE (SELECT count(*) FROM (SELECT FROM used_nonces LIMIT $1 + 1) AS counted) > $1",
    );
    if transaction.execute(horizon.bind(most)).await? > 0 {
        let delete = sqlx::query("DELETE FROM used_nonces WHERE issued_at < (SELECT valid_since FROM nonce_horizon)");
        transaction.execute(delete).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::short_lived::tests::two_nodes;

    const NOW: Timestamp = Timestamp::from_millis(1_795_309_126_976);

    #[tokio::test]
    async fn a_count_of_a_nonce_is_good_once_on_all_nodes_together() {
        let Some((here, there)) = two_nodes().await else { return };
        let nonce = Nonce { issued_at: NOW, random: [1; 8] };
        let (one, other) = tokio::join!(here.consume(&nonce, 1, NOW), there.consume(&nonce, 1, NOW));
        assert_ne!(one.unwrap(), other.unwrap());
        for (number, (count, is_new)) in
            [(3, true), (2, true), (2, false), (3, false), (70, true), (69, true), (6, false), (7, true)]
                .into_iter()
                .enumerate()
        {
            let node = if number % 2 == 0 { &here } else { &there };
            assert_eq!(node.consume(&nonce, count, NOW).await.unwrap(), is_new, "{count}");
        }
        let horizon = sqlx::query("UPDATE nonce_horizon SET valid_since = $1");
        here.store.execute(horizon.bind(NOW + LIFETIME)).await.unwrap();
        assert_eq!(there.valid_since().await.unwrap(), NOW + LIFETIME);
        assert!(!there.consume(&Nonce { random: [2; 8], ..nonce }, 1, NOW).await.unwrap(), "it is stale");
    }
}
