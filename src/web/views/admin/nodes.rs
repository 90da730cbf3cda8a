use std::time::Duration;

use serde::Serialize;

use super::navigation::{AdminNavItem, AdminPage};
use crate::nodes::{NodeReport, NodesReport};
use crate::web::views::humanize::humanize;

/// How far a node's clock may be from the database's, in milliseconds, until it is a fault: codes of apps and signed tokens go by it.
const MAX_CLOCK_DIFFERENCE: i64 = 2_000;

/// How late news may be, in milliseconds, until it is a fault: what ends on one node is to be over on all within a second.
const MAX_NEWS_LAG: i64 = 1_000;

/// The digits of a fingerprint that are shown.
const FINGERPRINT_DIGITS: usize = 8;

/// The view of the nodes that share this site's database.
#[derive(Debug, Serialize)]
pub(in crate::web) struct NodesView {
    navigation: Vec<AdminNavItem>,
    /// `None` where this server is alone.
    shared: Option<SharedNodesView>,
}

#[derive(Debug, Serialize)]
struct SharedNodesView {
    nodes: Vec<NodeRow>,
    work: Vec<WorkRow>,
}

#[derive(Debug, Serialize)]
struct NodeRow {
    name: NodeFact,
    is_this: bool,
    version: NodeFact,
    pages: NodeFact,
    uptime: String,
    silence: String,
    clock: NodeFact,
    news: NodeFact,
}

/// A fact of a node, and what is wrong with it.
#[derive(Debug, Serialize)]
struct NodeFact {
    text: String,
    mark: Option<NodeMark>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct NodeMark {
    state: &'static str,
    word: &'static str,
}

#[derive(Debug, Serialize)]
struct WorkRow {
    work: String,
    /// The node that does it; `None` where nobody does.
    holder: Option<String>,
    number: i64,
}

impl NodesView {
    pub(in crate::web) fn of(report: Option<NodesReport>) -> Self {
        Self { navigation: AdminPage::Nodes.navigation(), shared: report.map(|report| SharedNodesView::of(&report)) }
    }
}

impl SharedNodesView {
    fn of(NodesReport { own, nodes, leases }: &NodesReport) -> Self {
        let this = nodes.iter().find(|node| node.id == *own);
        let name_of = |id| nodes.iter().find(|node| node.id == id).map(|node| node.name.clone());
        let work = leases.iter().map(|lease| WorkRow {
            work: work_name(&lease.name).to_owned(),
            holder: lease.holder.map(|holder| name_of(holder).unwrap_or_else(|| "a node that has gone".to_owned())),
            number: lease.number,
        });
        Self { nodes: nodes.iter().map(|node| NodeRow::of(node, this)).collect(), work: work.collect() }
    }
}

impl NodeRow {
    fn of(node: &NodeReport, this: Option<&NodeReport>) -> Self {
        let (bad, warn) = (|word| NodeMark { state: "bad", word }, |word| NodeMark { state: "warn", word });
        let has_other_version = this.is_some_and(|this| node.version != this.version);
        let has_other_pages = node.is_alive() && this.is_some_and(|this| node.pages != this.pages);
        let clock = match node.clock_ahead {
            0 => "as the database's".to_owned(),
            ahead if ahead > 0 => format!("{} ahead", length(ahead)),
            behind => format!("{} behind", length(-behind)),
        };
        let news = node.news_lag.map_or_else(|| "none yet".to_owned(), |lag| format!("{} late", length(lag)));
        let has_late_news = node.news_lag.is_some_and(|lag| lag > MAX_NEWS_LAG);
        Self {
            name: NodeFact::new(node.name.clone(), (!node.is_alive()).then(|| bad("gone"))),
            is_this: this.is_some_and(|this| this.id == node.id),
            version: NodeFact::new(node.version.clone(), has_other_version.then(|| warn("another"))),
            pages: NodeFact::new(
                node.pages.chars().take(FINGERPRINT_DIGITS).collect(),
                has_other_pages.then(|| bad("other pages")),
            ),
            uptime: length(node.uptime),
            silence: length(node.silence),
            clock: NodeFact::new(clock, (node.clock_ahead.abs() > MAX_CLOCK_DIFFERENCE).then(|| bad("wrong"))),
            news: NodeFact::new(news, has_late_news.then(|| warn("late"))),
        }
    }
}

impl NodeFact {
    fn new(text: String, mark: Option<NodeMark>) -> Self {
        Self { text, mark }
    }
}

fn length(millis: i64) -> String {
    humanize(Duration::from_millis(u64::try_from(millis).unwrap_or_default()))
}

/// The words for the work of a lease.
fn work_name(lease: &str) -> &str {
    match lease {
        "refresh" => "Asking directories about who is signed in",
        "groups" => "Looking for groups that pages name",
        "upkeep" => "Ending what has expired, and new signing keys",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes::{LeaseReport, NodeId};

    fn node(name: &str) -> NodeReport {
        let id = NodeId::generate().unwrap();
        let (version, pages) = ("1.0.0".to_owned(), "0123456789abcdef".to_owned());
        NodeReport {
            id,
            name: name.to_owned(),
            version,
            pages,
            news_lag: None,
            clock_ahead: 0,
            uptime: 7_200_000,
            silence: 900,
        }
    }

    #[test]
    fn what_is_different_on_another_node_is_said() {
        let (this, same) = (node("one"), node("two"));
        let other = NodeReport {
            version: "1.1.0".into(),
            pages: "ff".into(),
            clock_ahead: -300_000,
            news_lag: Some(1_500),
            ..node("three")
        };
        let gone = NodeReport { silence: 60_000, ..node("four") };
        let lease = |name: &str, holder| LeaseReport { name: name.to_owned(), holder, number: 3 };
        let leases = vec![lease("refresh", Some(same.id)), lease("upkeep", None)];
        let (own, nodes) = (this.id, vec![this, same, other, gone]);
        let view = SharedNodesView::of(&NodesReport { own, nodes, leases });
        let [this, same, other, gone] = view.nodes.try_into().unwrap();
        let marks = |row: &NodeRow| {
            let facts = [&row.name, &row.version, &row.pages, &row.clock, &row.news];
            facts.into_iter().filter_map(|fact| fact.mark).map(|mark| mark.word).collect::<Vec<_>>()
        };
        assert!(this.is_this && !same.is_this);
        assert_eq!((&*this.pages.text, &*this.uptime, &*this.clock.text), ("01234567", "2 h", "as the database's"));
        assert_eq!((&*other.clock.text, &*other.news.text), ("5 min behind", "1 s late"));
        assert_eq!([&this, &same].map(marks), [Vec::<&str>::new(), Vec::new()]);
        assert_eq!((marks(&other), marks(&gone)), (vec!["another", "other pages", "wrong", "late"], vec!["gone"]));
        let [refresh, upkeep] = view.work.try_into().unwrap();
        assert_eq!((refresh.holder.as_deref(), upkeep.holder), (Some("two"), None));
    }
}
