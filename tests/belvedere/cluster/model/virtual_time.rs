//! Virtual time for a whole cluster: the directory's clock, each node's own, and the database's.

use std::sync::Arc;
use std::time::Duration;

use belvedere::domain::{Clock, ManualClock, SystemClock, Timestamp};
use sqlx::{Connection as _, PgConnection};
use tokio::sync::Mutex;

use crate::harness::cluster::{ClusterBuilder, NODES};

/// How far the nodes' clocks are off: the second's and the third's differ by five minutes.
const OFF: Duration = Duration::from_secs(150);

/// A clock of the database's own, which stands until it is set. A name is looked for in the schemas in their order, so the program's
/// `clock_timestamp()` is this one.
const DATABASE_CLOCK: &str = "
    CREATE SCHEMA virtual;
    CREATE TABLE virtual.clock AS SELECT pg_catalog.clock_timestamp() AS moment;
    CREATE FUNCTION virtual.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT moment FROM virtual.clock';
    GRANT USAGE ON SCHEMA virtual TO PUBLIC;
    GRANT SELECT ON virtual.clock TO PUBLIC;";

/// How often time passes while something is waited for that may itself wait for time to pass, and how much then: as in life.
const TICK: Duration = Duration::from_secs(1);

/// The clocks, which pass together. Cheap to clone; the clones are one.
#[derive(Clone)]
pub(super) struct VirtualTime {
    start: Timestamp,
    clock: Arc<ManualClock>,
    nodes: [Arc<ManualClock>; NODES],
    database: Arc<Mutex<PgConnection>>,
}

impl VirtualTime {
    /// The clocks of a cluster's database, before any node has opened it.
    pub(super) async fn of(builder: &ClusterBuilder) -> Self {
        let (server, name) = builder.database();
        server.query(name, DATABASE_CLOCK).unwrap();
        server.query(name, &format!("ALTER DATABASE {name} SET search_path = public, virtual, pg_catalog")).unwrap();
        let now = SystemClock.now();
        let url = format!("postgres://root@127.0.0.1:{}/{name}?sslmode=disable", server.port);
        Self {
            start: now,
            clock: Arc::new(ManualClock::at(now)),
            nodes: [now, now + OFF, now - OFF].map(|now| Arc::new(ManualClock::at(now))),
            database: Arc::new(Mutex::new(PgConnection::connect(&url).await.unwrap())),
        }
    }

    /// The directory's clock.
    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock) as _
    }

    /// The nodes' clocks.
    pub(super) fn nodes(&self) -> [Arc<dyn Clock>; NODES] {
        self.nodes.each_ref().map(|clock| Arc::clone(clock) as _)
    }

    /// The time that has passed.
    pub(super) fn elapsed(&self) -> Duration {
        self.clock.now().since(self.start)
    }

    /// Time passes, on all clocks.
    pub(super) async fn pass(&self, duration: Duration) {
        let pass = sqlx::query("UPDATE virtual.clock SET moment = moment + $1 * interval '1 second'");
        pass.bind(duration.as_secs_f64()).execute(&mut *self.database.lock().await).await.unwrap();
        self.clock.advance(duration);
        self.nodes.iter().for_each(|clock| clock.advance(duration));
    }

    /// Does something, while time passes slowly: who waits for a time-out does not wait for ever.
    pub(super) async fn passes_during<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(TICK) => self.pass(TICK).await,
            }
        }
    }
}
