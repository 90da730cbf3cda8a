//! Pages on a database: a visitor's choice is a value of the statement, a chart has its past when it is first painted, and a table what
//! the rows have.

use serde_json::Value;

use crate::harness::demo_server::DemoServer;
use crate::harness::mariadb;

const PAGE: &str = r#"
title  = "Orders"
access = "public"

[[input]]
name    = "city"
kind    = "dropdown"
options = ["LA", "NYC", "' OR '1'='1"]

[[panel]]
id     = "open"
title  = "Open"
kind   = "stat"
source = "shop"
query  = "SELECT count(*) FROM orders WHERE city = $city"
every  = "100ms"

[[panel]]
id     = "rows"
title  = "Rows"
kind   = "table"
source = "shop"
query  = "SELECT id, amount FROM orders WHERE city = $city ORDER BY id DESC"
every  = "100ms"

[[panel]]
id     = "course"
title  = "Course"
kind   = "line"
source = "shop"
query  = "SELECT at AS time, amount AS value FROM orders WHERE city = $city AND at BETWEEN $from AND $to"
every  = "1m"
window = "1d"
"#;

#[tokio::test]
async fn a_page_shows_what_a_database_has_for_the_city_that_was_chosen() {
    let Some(server) = mariadb::server() else { return };
    let name = server.create_database();
    let query = |statements: &str| server.query(&name, statements).unwrap();
    query("CREATE TABLE orders (id BIGINT PRIMARY KEY, city VARCHAR(20), amount DECIMAL(10,2), at DATETIME)");
    query(
        "INSERT INTO orders VALUES (9007199254740993, 'LA', 1.5, UTC_TIMESTAMP() - INTERVAL 20 HOUR), \
         (9007199254740992, 'LA', 2, UTC_TIMESTAMP() - INTERVAL 10 HOUR), (3, 'NYC', 4, UTC_TIMESTAMP() - INTERVAL 5 HOUR)",
    );
    let builder = DemoServer::builder().await.set("sources.shop.kind", "sql").set("sources.shop.url", server.url(&name));
    let demo = builder.page("orders", PAGE).open().await;
    let mut visitor = demo.house.visitor();
    let path = "/api/v1/pages/orders";
    let page = visitor.opens_until(path, |answer| !view(&answer.body, "course", "/times").is_null()).await;
    // Behind the past stands the present, in which nothing was sold.
    let times = view(&page.body, "course", "/times");
    assert!(times.as_array().is_some_and(|times| times.len() >= 2), "{}", page.body);
    let page = visitor.opens_until(path, |answer| !view(&answer.body, "rows", "/rows").is_null()).await;
    assert!(page.body.contains("9007199254740993") && page.body.contains("9007199254740992"), "{}", page.body);
    for (city, figure) in [("LA", "2"), ("NYC", "1"), ("%27%20OR%20%271%27%3D%271", "0")] {
        let path = format!("{path}?city={city}");
        let page = visitor.opens_until(&path, |answer| !view(&answer.body, "open", "/figure").is_null()).await;
        assert_eq!(view(&page.body, "open", "/figure/text"), figure, "{path}");
    }
}

/// A part of a panel's view in a page's JSON.
fn view(body: &str, panel: &str, pointer: &str) -> Value {
    let page: Value = serde_json::from_str(body).unwrap_or_default();
    page.pointer(&format!("/panels/{panel}/view{pointer}")).cloned().unwrap_or_default()
}
