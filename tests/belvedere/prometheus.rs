//! Pages on Prometheus: a chart has its past when it is first painted, and a visitor's choice is one label's value.

use serde_json::Value;

use crate::harness::demo_server::DemoServer;
use crate::harness::prometheus::PrometheusServer;

const PAGE: &str = r#"
title  = "Hosts"
access = "public"

[[input]]
name    = "job"
kind    = "dropdown"
options = ["node", '"} or vector(7) or up{x="']

[[panel]]
id     = "course"
title  = "Course"
kind   = "line"
source = "metrics"
query  = "time()"
every  = "5s"
window = "1h"

[[panel]]
id     = "up"
title  = "Up"
kind   = "stat"
source = "metrics"
query  = 'count(up{job="$job"}) or vector(0)'
every  = "100ms"
"#;

#[tokio::test]
async fn a_chart_begins_with_the_past_that_the_source_tells_and_a_choice_is_bound() {
    let Some(prometheus) = PrometheusServer::start() else { return };
    let builder =
        DemoServer::builder().await.set("sources.metrics.kind", "prometheus").set("sources.metrics.url", prometheus.url());
    let demo = builder.page("hosts", PAGE).open().await;
    let mut visitor = demo.house.visitor();
    let path = "/api/v1/pages/hosts";
    let page = visitor.opens_until(path, |answer| !view(&answer.body, "course", "/times").is_null()).await;
    let times = view(&page.body, "course", "/times");
    assert!(times.as_array().unwrap().len() >= 700, "{times}");
    let hostile = format!("{path}?job=%22%7D%20or%20vector(7)%20or%20up%7Bx%3D%22");
    for (path, figure) in [(path, "1"), (&hostile, "0")] {
        let page = visitor.opens_until(path, |answer| !view(&answer.body, "up", "/figure/text").is_null()).await;
        assert_eq!(view(&page.body, "up", "/figure/text"), figure, "{path}");
    }
}

/// A part of a panel's view in a page's JSON.
fn view(body: &str, panel: &str, pointer: &str) -> Value {
    let page: Value = serde_json::from_str(body).unwrap_or_default();
    page.pointer(&format!("/panels/{panel}/view{pointer}")).cloned().unwrap_or_default()
}
