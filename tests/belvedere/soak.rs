//! A wall display, four hours at a stretch, by a clock that runs as fast as Chromium takes what comes.
//!
//! The clock is the test's and moves a second at a time, so the panels that are asked each second have 14,400 readings, and
//! each of those is a batch of its own on the wire. Once a minute the test waits until the page shows that minute, so that
//! nothing falls off the ring but where it is meant to; in between the page merges what comes in one frame, as it does on
//! any slow screen. Every hour has the same in it: a tab hidden for longer than the ring holds and for less, a line that is cut,
//! a source that fails, a pointer over the charts; early in the first, the page is edited. The first two hours are the warm-up, until
//! every script is compiled. Each look through the driver leaves 72 bytes in the page, some 10 KB an hour; all else must stay.

use std::sync::Arc;
use std::time::Duration;

use belvedere::domain::{Clock as _, ManualClock, Timestamp};
use fantoccini::wd::WindowHandle;
use serde_json::{Value, json};

use crate::harness::board::Board;
use crate::harness::browser::{Browser, Screen};
use crate::harness::demo_server::DemoServer;
use crate::harness::http_proxy::HttpProxy;
use crate::harness::json_server::JsonServer;

/// 22 November 2026, 00:00 UTC: the clock's words for a minute are then easily told.
const MIDNIGHT: i64 = 1_795_305_600_000;

const HOUR: u32 = 60;

/// How much larger the heap may be at the end than after the warm-up.
const GROWTH: f64 = 1.05;

/// How often garbage is collected before anything is counted.
const LOOKS: usize = 4;

/// A panel of every kind. Those of the clock are asked each second, those of the shop floor each minute.
const PAGE: &str = r#"
title = "Wall"
access = "public"

[[panel]]
id = "time"
title = "Time"
kind = "stat"
source = "clock"
query = "time UTC"
every = "1s"

[[panel]]
id = "day"
title = "Day"
kind = "stat"
source = "clock"
query = "day UTC"
every = "1s"
unit = "percent"
sparkline = true
thresholds = [{ at = 2, state = "warn" }]

[[panel]]
title = "Dial"
kind = "gauge"
source = "clock"
query = "day UTC"
every = "1s"
unit = "percent"
min = 0
max = 100

[[panel]]
id = "line"
title = "Line"
kind = "line"
source = "clock"
query = "day UTC"
every = "1s"
window = "15m"

[[panel]]
title = "Area"
kind = "area"
source = "clock"
query = "day UTC"
every = "1s"
window = "10m"
unit = "percent"

[[panel]]
title = "Lines"
kind = "line"
source = "floor"
query = ".lines"
every = "1m"
window = "20m"

[[panel]]
id = "bars"
title = "Bars"
kind = "bar"
source = "floor"
query = ".lines"
every = "1m"

[[panel]]
title = "Orders"
kind = "table"
source = "floor"
query = ".orders"
every = "1m"

[[panel]]
title = "Machines"
kind = "states"
source = "floor"
query = ".machines"
every = "1m"

[[panel]]
title = "Words"
kind = "text"
text = "What **hangs** on a wall."
"#;

/// The display, and all that stands behind it.
struct WallDisplay {
    clock: Arc<ManualClock>,
    floor: JsonServer,
    demo: DemoServer,
    gateway: HttpProxy,
    browser: Browser,
    /// Hears what the page hears, so that no second passes before the last one was told.
    board: Board,
    window: WindowHandle,
    minute: u32,
}

/// The size of the page's heap, once all garbage is collected.
#[derive(Debug)]
struct Footprint {
    heap: f64,
    nodes: f64,
    listeners: f64,
    documents: f64,
}

#[tokio::test]
async fn a_wall_display_takes_up_as_much_after_four_hours_as_after_two() {
    let Some(browser) = Browser::open_for_long(Screen::Desktop).await else { return };
    let mut wall = WallDisplay::hangs(browser).await;
    for _ in 0..2 {
        wall.shows_an_hour().await;
    }
    let warm = wall.footprint().await;
    for _ in 0..2 {
        wall.shows_an_hour().await;
    }
    let end = wall.footprint().await;
    println!("after two hours {warm:?}, after four {end:?}");
    assert!(end.heap <= warm.heap * GROWTH, "the heap grew from {} to {} bytes", warm.heap, end.heap);
    assert_eq!((end.nodes, end.listeners), (warm.nodes, warm.listeners), "nodes and listeners");
    assert!(end.documents <= warm.documents, "{} documents, then {}", warm.documents, end.documents);
    wall.browser.closes().await;
}

impl WallDisplay {
    async fn hangs(browser: Browser) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_millis(MIDNIGHT)));
        let floor = JsonServer::start(on_the_floor(0)).await;
        let demo = DemoServer::builder_with_clock(Arc::clone(&clock) as _)
            .await
            .set("sources.floor.kind", "http")
            .set("sources.floor.url", floor.url("/"))
            // Real seconds are short here: who is asked thrice for a sign of life must have had the time to give one.
            .set("live.heartbeat", "5m")
            .set("live.batch_interval", "10ms")
            .page("wall", PAGE)
            .open()
            .await;
        let gateway = HttpProxy::to(&demo.house).await;
        let board = demo.house.visitor().watches("/live/wall").await.unwrap();
        browser.goes_to(&gateway.url("/p/wall")).await;
        browser.sees("#connection .words", |words| words == "Live").await;
        browser.commands("Performance.enable", json!({})).await;
        let window = browser.client.window().await.unwrap();
        Self { clock, floor, demo, gateway, browser, board, window, minute: 0 }
    }

    async fn shows_an_hour(&mut self) {
        loop {
            let minute = self.minute % HOUR + 1;
            match minute {
                // Once, and early: whatever leaks has the rest of the time in one document.
                3 if self.minute < HOUR => self.is_edited().await,
                5 => self.is_pointed_at().await,
                // Longer than the ring: what was missed comes as a snapshot.
                10 => self.is_hidden_for(6).await,
                // What was missed is still there, and comes batch by batch.
                20 => self.is_hidden_for(2).await,
                40 => self.gateway.closes_all(),
                50 => self.floor.fails_with(503),
                _ => (),
            }
            // The hour ends as it began, so that there is as much to show.
            if minute != 50 {
                self.floor.answers(on_the_floor(minute.min(52) % 4));
            }
            self.passes_a_minute().await;
            self.is_up_to_date().await;
            if minute == HOUR {
                return;
            }
        }
    }

    async fn passes_a_minute(&mut self) {
        for _ in 0..60 {
            self.clock.advance(Duration::from_secs(1));
            let now = self.clock.now();
            while self.board.hears_of("time").await["at"] != json!(now) {}
        }
        self.minute += 1;
    }

    /// The page shows the second that it is.
    async fn is_up_to_date(&self) {
        let words = format!("{:02}:{:02}:00", self.minute / HOUR, self.minute % HOUR);
        self.browser
            .waits_for("return document.querySelector('#panel-time .digits')?.textContent", |shown| *shown == json!(words))
            .await;
    }

    /// Somebody passes with the pointer over a chart.
    async fn is_pointed_at(&self) {
        let place = "const at = document.querySelector('#panel-line .u-over').getBoundingClientRect();
            return [at.x + at.width / 2, at.y + at.height / 2]";
        let place = self.browser.waits_for(place, Value::is_array).await;
        let moved = |x: &Value, y: &Value| json!({ "type": "mouseMoved", "x": x, "y": y });
        self.browser.commands("Input.dispatchMouseEvent", moved(&place[0], &place[1])).await;
        let hidden = "return document.querySelector('#panel-line .reader').hidden";
        self.browser.waits_for(hidden, |hidden| *hidden == false).await;
        self.browser.commands("Input.dispatchMouseEvent", moved(&json!(1), &json!(1))).await;
        self.browser.waits_for(hidden, |hidden| *hidden == true).await;
    }

    /// Another tab is in front of it.
    async fn is_hidden_for(&mut self, minutes: u32) {
        let notes = "document.addEventListener('visibilitychange', () => (window.wasHidden = document.hidden), { once: true })";
        self.browser.asks(notes).await;
        let other = self.browser.client.new_window(true).await.unwrap().handle;
        self.browser.client.switch_to_window(other).await.unwrap();
        for _ in 0..minutes {
            self.passes_a_minute().await;
        }
        self.browser.client.close_window().await.unwrap();
        self.browser.client.switch_to_window(self.window.clone()).await.unwrap();
        assert_eq!(self.browser.asks("return window.wasHidden").await, true, "a tab behind another is hidden");
        self.is_up_to_date().await;
    }

    /// Its author saves the page, and the display loads it anew.
    async fn is_edited(&mut self) {
        self.browser.asks("window.sameDocument = true").await;
        self.demo.house.write_page("wall", &format!("{PAGE}# Edited in minute {}.\n", self.minute));
        assert_eq!(self.board.is_closed().await.bye.unwrap()["reason"], "changed");
        self.board = self.demo.house.visitor().watches("/live/wall").await.unwrap();
        self.browser.waits_for("return window.sameDocument ?? null", Value::is_null).await;
        self.browser.sees("#connection .words", |words| words == "Live").await;
    }

    /// The least of several looks: what falls away only with the next collection is no growth.
    async fn footprint(&self) -> Footprint {
        let mut least = Footprint { heap: f64::MAX, nodes: f64::MAX, listeners: f64::MAX, documents: f64::MAX };
        for _ in 0..LOOKS {
            self.browser.commands("HeapProfiler.collectGarbage", json!({})).await;
            let metrics = self.browser.commands("Performance.getMetrics", json!({})).await;
            let metric = |name: &str| {
                let found = metrics["metrics"].as_array().unwrap().iter().find(|metric| metric["name"] == name);
                found.unwrap_or_else(|| panic!("Chromium has no metric {name}"))["value"].as_f64().unwrap()
            };
            least = Footprint {
                heap: least.heap.min(metric("JSHeapUsedSize")),
                nodes: least.nodes.min(metric("Nodes")),
                listeners: least.listeners.min(metric("JSEventListeners")),
                documents: least.documents.min(metric("Documents")),
            };
        }
        least
    }
}

/// The answers of the source: more and less of everything.
fn on_the_floor(turn: u32) -> Value {
    let orders: Vec<Value> =
        (0..4 + turn * 3).map(|n| json!({ "order": format!("A-{n}"), "pieces": n * 7 + turn, "share": 0.5 })).collect();
    let machines: Vec<Value> = (0..3 + turn)
        .map(|n| match (n + turn) % 3 {
            0 => json!({ "label": format!("Press {n}"), "up": true }),
            1 => json!({ "label": format!("Press {n}"), "up": false, "note": "no pressure" }),
            _ => json!({ "label": format!("Press {n}"), "state": "warn", "note": "41 ms" }),
        })
        .collect();
    json!({ "lines": { "north": turn, "south": 10 - turn, "west": 5 }, "orders": orders, "machines": machines })
}
