use std::time::Duration;

use async_trait::async_trait;

use super::{LeaseStore, NodeDescription, NodeId, NodeReport, NodeStatus, RegisterError};
use crate::domain::{Timestamp, millis_of};
use crate::store::{PostgresDatabase, PostgresStore, StoreError, StoreKind};

const KIND: StoreKind = StoreKind { name: "table of nodes", if_recreated: "the nodes find each other again" };

/// The nodes and their leases in a PostgreSQL database. Cheap to clone; the clones are one.
#[derive(Clone, Debug)]
pub struct PostgresNodes(PostgresStore);

/// A lease as the database has it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct LeaseReport {
    /// Its name.
    pub name: String,
    /// The node that holds it; `None` where nobody does.
    pub holder: Option<NodeId>,
    /// How often it has begun.
    pub number: i64,
}

impl PostgresNodes {
    /// Opens the tables, and makes them where there are none.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be reached, or was written by another version.
    pub async fn open(database: &PostgresDatabase) -> Result<Self, StoreError> {
        let store = PostgresStore::open(database, KIND, "nodes", sqlx::migrate!("src/nodes/migrations_postgres")).await?;
        Ok(Self(store))
    }

    /// Registers a node that starts, and forgets those of yesterday.
    ///
    /// # Errors
    /// [`RegisterError`] when another has a different secret key and is there, or the database cannot be asked.
    pub async fn register(&self, node: &NodeDescription, now: Timestamp) -> Result<(), RegisterError> {
        let mut transaction = self.0.begin().await?;
        // One after another: of two with different keys one is the first.
        transaction.execute(sqlx::query("LOCK TABLE nodes IN SHARE ROW EXCLUSIVE MODE")).await?;
        let forget = sqlx::query("DELETE FROM nodes WHERE seen_at < clock_timestamp() - interval '1 day'");
        transaction.execute(forget).await?;
        let other = sqlx::query_as(
            "SELECT name FROM nodes WHERE key_fingerprint <> $1 AND seen_at > clock_timestamp() - interval '10 seconds' LIMIT 1",
        );
        if let Some((node,)) = transaction.fetch_optional(other.bind(&node.key_fingerprint)).await? {
            transaction.rollback().await?;
            return Err(RegisterError::OtherSecretKey { node });
        }
        transaction.execute(beat(node, &NodeStatus::default(), now)).await?;
        Ok(transaction.commit().await?)
    }

    /// Notes that a node is there, how it does, and what its clock shows.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn beat(&self, node: &NodeDescription, status: &NodeStatus, now: Timestamp) -> Result<(), StoreError> {
        self.0.execute(beat(node, status, now)).await.map(drop)
    }

    /// Forgets a node that stops.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be written.
    pub async fn leave(&self, node: NodeId) -> Result<(), StoreError> {
        self.0.execute(sqlx::query("DELETE FROM nodes WHERE id = $1").bind(node)).await.map(drop)
    }

    /// All nodes that were there within a day, by their names.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be asked.
    pub async fn nodes(&self) -> Result<Vec<NodeReport>, StoreError> {
        let select = sqlx::query_as(
            "SELECT id, name, version, pages, news_lag, clock_ahead,
                 (extract(epoch FROM clock_timestamp() - started_at) * 1000)::bigint AS uptime,
                 (extract(epoch FROM clock_timestamp() - seen_at) * 1000)::bigint AS silence
             FROM nodes WHERE seen_at > clock_timestamp() - interval '1 day' ORDER BY name, started_at",
        );
        self.0.fetch_all(select).await
    }

    /// All leases, by their names.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be asked.
    pub async fn leases(&self) -> Result<Vec<LeaseReport>, StoreError> {
        let select = sqlx::query_as(
            "SELECT name, CASE WHEN expires_at > clock_timestamp() THEN holder END AS holder, number FROM leases ORDER BY name",
        );
        self.0.fetch_all(select).await
    }
}

#[async_trait]
impl LeaseStore for PostgresNodes {
    async fn hold(&self, leases: &[&'static str], holder: NodeId, term: Duration) -> Result<Vec<(String, i64)>, StoreError> {
        let names: Vec<String> = leases.iter().map(ToString::to_string).collect();
        let hold = sqlx::query_as(
            "INSERT INTO leases AS lease (name, holder, number, expires_at)
             SELECT name, $2, 1, clock_timestamp() + $3 * interval '1 millisecond'
             FROM unnest($1::text[]) AS wanted (name) ORDER BY name
             ON CONFLICT (name) DO UPDATE SET
                 holder = $2,
                 number = lease.number + (lease.holder <> $2 OR lease.expires_at <= clock_timestamp())::integer,
                 expires_at = clock_timestamp() + $3 * interval '1 millisecond'
             WHERE lease.holder = $2 OR lease.expires_at <= clock_timestamp()
             RETURNING name, number",
        );
        let term = millis_of(term);
        self.0.fetch_all(hold.bind(names).bind(holder).bind(term)).await
    }

    async fn release(&self, holder: NodeId) -> Result<(), StoreError> {
        let release = sqlx::query("UPDATE leases SET expires_at = clock_timestamp() WHERE holder = $1");
        self.0.execute(release.bind(holder)).await.map(drop)
    }
}

/// The statement that notes a node, whose clock shows `now`.
fn beat<'q>(
    node: &'q NodeDescription,
    status: &'q NodeStatus,
    now: Timestamp,
) -> sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments> {
    let beat = sqlx::query(
        "INSERT INTO nodes (id, name, version, key_fingerprint, pages, news_lag, clock_ahead, seen_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7 - (extract(epoch FROM clock_timestamp()) * 1000)::bigint, clock_timestamp())
         ON CONFLICT (id) DO UPDATE SET
             pages = excluded.pages, news_lag = excluded.news_lag, clock_ahead = excluded.clock_ahead, seen_at = excluded.seen_at",
    );
    let beat = beat.bind(node.id).bind(&node.name).bind(node.version).bind(&node.key_fingerprint);
    beat.bind(&status.pages).bind(status.news_lag).bind(now)
}
