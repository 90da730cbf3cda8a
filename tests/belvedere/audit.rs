//! The audit: what happened is kept, found, and taken away, and no name that strangers type makes it say anything else.

use std::sync::Arc;

use belvedere::audit::{AuditSearch, AuditTrail};
use belvedere::config::AuditSettings;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::demo_server::{DemoServer, page};
use crate::harness::visitor::{Response, Visitor};

/// Names that try to be a line, a tag, a formula, a cell or a statement of their own.
const HOSTILE: &[&str] = &[
    "=cmd|'/C calc'!A0",
    "+1+1",
    "-2",
    "@SUM(A1:A9)",
    "\t=1+1",
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "a\",\"b\r\nsigned-in,ok,admin",
    "{\"event\":\"signed-in\"}\n{\"event\":\"signed-in\"}",
    "'; DROP TABLE events; --",
    "nimda\u{202e}bob",
];

async fn house() -> DemoServer {
    let closed = format!("access = {{ users = [\"nobody\"] }}\n{}", page("Closed"));
    DemoServer::builder().await.set("admins.users", json!(["grace"])).page("closed", &closed).open().await
}

/// Tries to sign in under this name, and fails.
async fn fails(demo: &DemoServer, name: &str) {
    let answer = demo.house.visitor().tries_to_sign_in(name, "wrong", "/").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name:?}");
}

async fn admin(demo: &DemoServer) -> Visitor {
    let mut grace = demo.house.visitor();
    grace.signs_in("grace", demo.password("grace")).await;
    grace
}

/// The list at `path`, once all that has happened by now is in it.
async fn list(grace: &mut Visitor, path: &str) -> Response {
    // Whoever is refused now comes after what was before.
    let mark = format!("mark-{}", grace.cookies["belvedere"].get(..8).unwrap());
    let mut stranger = grace.clone();
    stranger.cookies.clear();
    stranger.tries_to_sign_in(&mark, "wrong", "/").await;
    grace.opens_until("/admin/audit", |page| page.body.contains(&mark)).await;
    grace.opens(path).await
}

/// The texts of the list's cells, row by row.
fn rows(list: &Response) -> Vec<String> {
    let body = list.body.split("<tbody>").nth(1).unwrap_or_default().split("</tbody>").next().unwrap();
    body.split("<tr>").skip(1).map(str::to_owned).collect()
}

#[tokio::test]
async fn what_happened_is_found_by_who_event_result_and_address() {
    let demo = house().await;
    fails(&demo, "alice").await;
    let mut alice = demo.house.visitor();
    alice.signs_in("alice", demo.password("alice")).await;
    assert_eq!(alice.opens("/p/closed").await.status, StatusCode::FORBIDDEN);
    alice.signs_out().await;
    let mut grace = admin(&demo).await;
    list(&mut grace, "/admin/audit").await;
    for (search, expected) in [
        ("who=ALICE", vec!["signed-out", "page-refused", "signed-in", "sign-in-refused"]),
        ("who=alice&event=page-refused", vec!["page-refused"]),
        ("who=alice&result=refused", vec!["page-refused", "sign-in-refused"]),
        ("who=alice&address=127.0.0.1&result=ok", vec!["signed-out", "signed-in"]),
        ("who=alice&address=192.0.2.1", vec![]),
        ("event=started", vec!["started"]),
        ("who=alice&from=2020-01-01&until=2020-12-31T23%3A59", vec![]),
    ] {
        let rows = rows(&grace.opens(&format!("/admin/audit?{search}")).await);
        let told: Vec<_> =
            rows.iter().map(|row| row.split("data-label=\"Event\">").nth(1).unwrap().split('<').next().unwrap()).collect();
        assert_eq!(told, expected, "{search}");
    }
    let wrong = grace.opens("/admin/audit?address=nowhere").await;
    assert!(wrong.body.contains("The address is not one"), "{}", wrong.body);
    assert!(wrong.body.contains("value=\"nowhere\""), "what was typed is still there");
}

#[tokio::test]
async fn hostile_names_stay_names_on_the_page_and_in_both_files() {
    let demo = house().await;
    for name in HOSTILE {
        fails(&demo, name).await;
    }
    let mut grace = admin(&demo).await;
    let page = list(&mut grace, "/admin/audit").await;
    assert!(!page.body.contains("<script>alert") && !page.body.contains("<img src=x"), "{}", page.body);
    assert!(page.body.contains("&lt;script&gt;"), "{}", page.body);

    let file = grace.fetches("/admin/audit.csv?event=sign-in-refused").await;
    assert_eq!(file.header("Content-Type"), Some("text/csv; charset=utf-8; header=present"));
    assert_eq!(file.header("Content-Disposition"), Some("attachment; filename=\"belvedere-audit.csv\""));
    let mut table = csv::Reader::from_reader(file.body.as_bytes());
    let cells: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    assert_eq!(cells.len(), HOSTILE.len() + 1, "a row a try");
    for cell in cells.iter().flatten() {
        assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?}");
        assert!(!cell.contains(['\n', '\r', '\u{202e}']), "{cell:?}");
    }
    assert!(cells.iter().all(|row| &row[2] == "sign-in-refused"), "no name is an event");

    let file = grace.fetches("/admin/audit.jsonl?event=sign-in-refused").await;
    let lines: Vec<Value> = file.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), HOSTILE.len() + 1);
    assert!(lines.iter().all(|line| line["event"] == "sign-in-refused"), "{lines:#?}");
    assert!(lines.iter().any(|line| line["who"] == HOSTILE[0]), "{lines:#?}");
}

#[tokio::test]
async fn the_list_goes_on_from_any_place_and_the_files_have_it_whole() {
    let demo = house().await;
    let mut grace = admin(&demo).await;
    // Every act of an admin's is a row, and different ones are not folded.
    for number in 0..230 {
        assert_eq!(grace.fetches(&format!("/admin/audit.jsonl?who=nobody-{number}")).await.status, StatusCode::OK);
    }
    let mut page = list(&mut grace, "/admin/audit?event=audit-exported").await;
    let mut counts = vec![rows(&page).len()];
    while let Some(older) = page.link("Older") {
        page = grace.opens(&older).await;
        counts.push(rows(&page).len());
    }
    assert_eq!(counts, [100, 100, 30]);
    assert!(page.body.contains("To the newest"));
    // Whoever takes the audit away is in it.
    let file = grace.fetches("/admin/audit.jsonl?event=audit-exported").await;
    assert_eq!(file.body.lines().count(), 231);
    assert!(file.body.lines().next().unwrap().contains("jsonl event=audit-exported"), "{}", file.body);
}

#[tokio::test]
async fn what_is_repeated_is_one_row_that_says_how_often() {
    let demo = house().await;
    let mut grace = admin(&demo).await;
    for _ in 0..30 {
        assert_eq!(grace.opens("/p/closed").await.status, StatusCode::FORBIDDEN);
    }
    let page = list(&mut grace, "/admin/audit?event=page-refused").await;
    assert_eq!(rows(&page).len(), 1);
    assert!(rows(&page)[0].contains("30 times, until"), "{}", page.body);
    let file = grace.fetches("/admin/audit.jsonl?event=page-refused").await;
    let line: Value = serde_json::from_str(&file.body).unwrap();
    assert_eq!(line["count"], 30);
    assert!(line["last_at"].as_str() >= line["at"].as_str(), "{line}");
}

/// A stranger who tries one name after the other, and an admin's row.
#[tokio::test]
async fn no_flood_pushes_an_admin_s_row_out_of_the_audit() {
    let demo = house().await;
    let mut grace = admin(&demo).await;
    assert_eq!(grace.fetches("/admin/audit.csv?who=flood").await.status, StatusCode::OK);
    let stranger = demo.house.visitor();
    // An empty password is refused before any limit: as often as somebody likes.
    let tries = (0..200).map(|number| {
        let mut same = stranger.clone();
        async move { same.tries_to_sign_in(&format!("name-{number}"), "", "/").await }
    });
    futures::future::join_all(tries).await;
    let mut rows_of_strangers = 0;
    let mut page = grace.opens("/admin/audit?event=sign-in-refused").await;
    loop {
        rows_of_strangers += rows(&page).len();
        match page.link("Older") {
            Some(older) => page = grace.opens(&older).await,
            None => break,
        }
    }
    assert_eq!(rows_of_strangers, 101);
    let admins = grace.opens("/admin/audit?event=audit-exported").await;
    assert_eq!(rows(&admins).len(), 1, "{}", admins.body);
}

#[tokio::test]
async fn the_audit_is_the_admins_alone_and_survives_a_restart() {
    let demo = house().await;
    let mut alice = demo.house.visitor();
    for path in ["/admin/audit", "/admin/audit.csv", "/admin/audit.jsonl", "/admin/sessions", "/admin/tokens", "/admin/faults"]
    {
        assert!(alice.opens(path).await.location.unwrap().starts_with("/login?next="), "{path}");
        assert_eq!(alice.fetches(path).await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    alice.signs_in("alice", demo.password("alice")).await;
    for path in ["/admin/audit", "/admin/audit.csv", "/admin/audit.jsonl", "/admin/sessions", "/admin/tokens", "/admin/faults"]
    {
        assert_eq!(alice.opens(path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    let path = demo.house.folder.path().join("state/audit.db");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(path).unwrap().permissions());
    assert_eq!(mode & 0o077, 0, "others may read it");

    let folder = Arc::clone(&demo.house.folder);
    demo.house.shut_down().await;
    // Everything was written before the server closed.
    let (path, settings) = (folder.path().join("state/audit.db"), AuditSettings::default());
    let trail = AuditTrail::open(&path, &settings).await.unwrap();
    let events = trail.search(&AuditSearch::default(), None, 100).await.unwrap();
    let told: Vec<_> = events.iter().map(|record| record.event.as_str()).collect();
    assert_eq!((told[0], told[told.len() - 1]), ("stopped", "started"), "{told:?}");
    assert!(told.contains(&"page-refused") && told.contains(&"signed-in"), "{told:?}");
}

#[tokio::test]
async fn a_changed_page_file_is_in_the_audit() {
    let demo = house().await;
    let mut grace = admin(&demo).await;
    demo.house.write_page("new", &page("New"));
    let told = grace.opens_until("/admin/audit?event=pages-reloaded", |page| page.body.contains("added new")).await;
    assert_eq!(rows(&told).len(), 1);
    demo.house.remove_page("closed");
    grace.opens_until("/admin/audit?event=pages-reloaded", |page| page.body.contains("removed closed")).await;
}
