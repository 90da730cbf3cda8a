//! Three nodes behind HAProxy, on one PostgreSQL database and one bus: whatever fails, who is signed in stays so, boards go on, and no
//! account is tried more often than one server would.

mod failover;
mod failures;
mod model;
mod rolling_update;

use crate::harness::cluster::{Cluster, ClusterBuilder};
use crate::harness::demo_server::page;
use crate::harness::json_server::JsonServer;

/// A cluster with the page `members`, and with the public page `count`, whose panel shows how often its source was asked, `every` so
/// often.
fn with_counter(counter: &JsonServer, every: &str) -> Option<ClusterBuilder> {
    let builder = Cluster::builder()?.page("members", &page("Members")).page("count", &count_page("Count", every));
    Some(builder.set("sources.counter.kind", "http").set("sources.counter.url", counter.url("/count")))
}

/// The page `count` under a title.
fn count_page(title: &str, every: &str) -> String {
    format!(
        "title = \"{title}\"\naccess = \"public\"\n[[panel]]\nid = \"count\"\ntitle = \"Count\"\nkind = \"stat\"\nsource = \
         \"counter\"\nquery = \".count\"\nevery = \"{every}\"\n"
    )
}
