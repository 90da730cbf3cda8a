use rocket::{Route, get, routes};

use crate::nodes::Nodes;
use crate::web::guards::Administrator;
use crate::web::html::Html;
use crate::web::refusal::Refusal;
use crate::web::views::{Layout, NodesView};

pub(super) fn routes() -> Vec<Route> {
    routes![show]
}

/// The nodes of this site, and which of them does the work that one does for all.
#[get("/nodes")]
async fn show(_administrator: Administrator, layout: Layout, nodes: &Nodes) -> Result<Html<NodesView>, Refusal> {
    Ok(Html::new("admin/nodes", "Nodes", layout, NodesView::of(nodes.report().await?)))
}
