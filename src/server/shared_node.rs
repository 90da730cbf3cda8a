use std::sync::Arc;
use std::time::Duration;

use super::StartError;
use super::machine_names::host_name;
use super::move_store::move_under_way;
use super::work_leases::{WORK, WorkLeases};
use crate::auth::{Keys, ShortLivedStore};
use crate::domain::{Clock, millis_of};
use crate::nodes::{
    Heartbeat, LeaseKeeper, LeaseTerms, NodeDescription, NodeId, NodeStatus, Nodes, PostgresNodes, RegisterError,
};
use crate::pages::PageStore;
use crate::store::PostgresNews;

/// The interval in which what all nodes have read, and what is over, is deleted.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);

/// This server as one of several on a database. Cheap to clone; the clones are one.
#[derive(Clone)]
pub(super) struct SharedNode {
    tables: PostgresNodes,
    description: NodeDescription,
    keeper: Arc<LeaseKeeper>,
    news: PostgresNews,
    short_lived: ShortLivedStore,
    clock: Arc<dyn Clock>,
}

impl SharedNode {
    /// Joins the other nodes. `None` where there is no news, as this server is alone.
    ///
    /// # Errors
    /// [`StartError`] when they have another secret key, or the database cannot be used.
    pub(super) async fn join(
        news: Option<&PostgresNews>,
        keys: &Keys,
        clock: &Arc<dyn Clock>,
    ) -> Result<Option<Self>, StartError> {
        let Some(news) = news else { return Ok(None) };
        let tables = PostgresNodes::open(news.database()).await?;
        let description = NodeDescription {
            id: NodeId::generate()?,
            name: host_name(),
            version: env!("CARGO_PKG_VERSION"),
            key_fingerprint: keys.fingerprint().to_owned(),
        };
        tables.register(&description, clock.now()).await.map_err(|error| match error {
            RegisterError::Store(error) => StartError::Store(error),
            refused @ RegisterError::OtherSecretKey { .. } => StartError::Node(refused),
        })?;
        // A move that begins now sees this node; one that has begun is seen here, whether it leads into the database or out of it.
        if let Some(target) = move_under_way(news.database()).await? {
            tables.leave(description.id).await?;
            return Err(StartError::IncompleteStore(target.as_str()));
        }
        let short_lived = ShortLivedStore::open(news.database(), keys).await?;
        let (store, terms) = (Arc::new(tables.clone()), LeaseTerms::default());
        let keeper = Arc::new(LeaseKeeper::new(store, description.id, terms, Arc::clone(clock), &WORK));
        Ok(Some(Self { tables, description, keeper, news: news.clone(), short_lived, clock: Arc::clone(clock) }))
    }

    /// The leases of the work that one node does for all.
    pub(super) fn leases(&self) -> WorkLeases {
        WorkLeases::kept_by(&self.keeper)
    }

    /// The nodes, as this one sees them.
    pub(super) fn nodes(&self) -> Nodes {
        Nodes::Shared { tables: self.tables.clone(), own: self.description.id }
    }

    /// Where all nodes find what requests leave for minutes.
    pub(super) fn short_lived(&self) -> &ShortLivedStore {
        &self.short_lived
    }

    /// Hears what other nodes change, holds leases, and tells that this node is there, for as long as it is polled.
    pub(super) async fn run(&self, page_store: Arc<PageStore>) {
        let news = self.news.clone();
        let status = move || NodeStatus { pages: page_store.content_fingerprint(), news_lag: news.lag().map(millis_of) };
        let heartbeat = Heartbeat::new(self.tables.clone(), self.description.clone(), status, Arc::clone(&self.clock));
        let leases = self.leases();
        let sweeping = leases.upkeep.run_while_held(|| self.sweep());
        tokio::join!(self.news.follow(), self.keeper.run(), heartbeat.run(), sweeping);
    }

    async fn sweep(&self) {
        loop {
            for swept in [self.news.sweep().await, self.short_lived.sweep().await] {
                if let Err(error) = swept {
                    tracing::error!(%error, "what is over could not be deleted from the database");
                }
            }
            self.clock.sleep(SWEEP_INTERVAL).await;
        }
    }

    /// Leaves the others: they take over its work at once.
    pub(super) async fn leave(&self) {
        let left = match self.keeper.release().await {
            Ok(()) => self.tables.leave(self.description.id).await,
            Err(error) => Err(error),
        };
        if let Err(error) = left {
            tracing::warn!(%error, "the other nodes could not be told that this one stops: they find out within ten seconds");
        }
    }
}
