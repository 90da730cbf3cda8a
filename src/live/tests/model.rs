//! Whatever comes in between, everybody who watches ends up with what the channel shows.

use futures::SinkExt;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::*;

const CITIES: [&str; 2] = ["LA", "NYC"];

const CHART: &str = r#"
title = "Chart"
access = "public"
[[input]]
name = "city"
kind = "dropdown"
options = ["LA", "NYC"]
[[panel]]
id = "cpu"
title = "CPU"
kind = "line"
source = "host"
query = "cpu.total"
every = "1s"
window = "1h"
"#;

/// What may happen, in any order.
#[derive(Clone, Copy, Debug)]
enum ViewerAction {
    /// So many tenths of a second pass. Each second brings a reading.
    Pass(u16),
    /// One of them takes so many messages, as far as there are any.
    Take(usize, usize),
    /// The line of one of them breaks.
    Break(usize),
    /// One of them comes back, to where it was.
    Return(usize),
    /// One of them asks for another channel, over a socket.
    Choose(usize, usize),
}

fn viewer_action() -> impl Strategy<Value = ViewerAction> {
    prop_oneof![
        4 => (1..40_u16).prop_map(ViewerAction::Pass),
        1 => (300..1_200_u16).prop_map(ViewerAction::Pass),
        6 => (0..WATCHERS, 0..12_usize).prop_map(|(who, count)| ViewerAction::Take(who, count)),
        1 => (0..WATCHERS).prop_map(ViewerAction::Break),
        2 => (0..WATCHERS).prop_map(ViewerAction::Return),
        1 => (0..WATCHERS, 0..CITIES.len()).prop_map(|(who, city)| ViewerAction::Choose(who, city)),
    ]
}

/// As many over a wide wire, over a narrow one that is full at once, and over a stream of events.
const WATCHERS: usize = 3;

enum WatcherLink {
    Socket(Box<ClientSocket>),
    Stream(Box<SseConnection>),
    Broken,
}

/// One who watches, as a browser does: it knows what it was told, and where it is.
struct SimulatedViewer {
    link: WatcherLink,
    /// The bytes its wire holds; `None` for a stream.
    capacity: Option<usize>,
    city: usize,
    position: Option<ChannelPosition>,
    points: Vec<(i64, Value)>,
}

impl SimulatedViewer {
    fn new(capacity: Option<usize>) -> Self {
        Self { link: WatcherLink::Broken, capacity, city: 0, position: None, points: Vec::new() }
    }

    async fn returns(&mut self, stage: &LiveFixture) {
        let inputs = [("city", CITIES[self.city])];
        self.link = if let Some(wire) = self.capacity {
            WatcherLink::Socket(Box::new(stage.watches(&inputs, self.position.clone(), wire).await))
        } else {
            let seat = stage.subscribe(&inputs);
            let clock = stage.clock.clone();
            WatcherLink::Stream(Box::new(SseConnection::new(
                seat,
                self.position.as_ref(),
                stage.authorization(),
                clock,
            )))
        };
    }

    async fn chooses(&mut self, stage: &LiveFixture, city: usize) {
        if self.city == city {
            return;
        }
        self.city = city;
        match &mut self.link {
            WatcherLink::Socket(far) => {
                let message = json!({ "type": "inputs", "values": { "city": CITIES[city] } }).to_string();
                if !matches!(far.send(Message::text(message)).now_or_never(), Some(Ok(()))) {
                    self.link = WatcherLink::Broken;
                }
            }
            // A stream takes no words: its browser opens another one, and begins anew.
            WatcherLink::Stream(_) => {
                self.position = None;
                self.returns(stage).await;
            }
            WatcherLink::Broken => self.position = None,
        }
    }

    /// Takes what there is, up to `most` messages, and says how many there were.
    async fn takes(&mut self, most: usize) -> usize {
        for count in 0..most {
            let text = match &mut self.link {
                WatcherLink::Broken => return count,
                WatcherLink::Stream(connection) => match connection.next_action().now_or_never() {
                    None => return count,
                    Some(SseAction::Send(said)) => said.text().to_owned(),
                    Some(SseAction::Close(farewell)) => panic!("nobody sent it away: {farewell:?}"),
                },
                WatcherLink::Socket(far) => match next_message(far).await {
                    None => return count,
                    Some(Some(Ok(Message::Text(text)))) => text.to_string(),
                    Some(Some(Ok(_))) => continue,
                    // Whoever takes nothing for too long is cut off.
                    Some(Some(Err(_)) | None) => {
                        self.link = WatcherLink::Broken;
                        return count;
                    }
                },
            };
            self.hears(&serde_json::from_str(&text).unwrap());
        }
        most
    }

    fn hears(&mut self, message: &Value) {
        let panel = &message["panels"]["cpu"];
        match message["type"].as_str().unwrap() {
            "snapshot" => {
                let epoch = message["epoch"].as_str().unwrap().to_owned();
                self.position = Some(ChannelPosition { epoch, seq: message["seq"].as_u64().unwrap() });
                self.points = points(&panel["view"]["times"], &panel["view"]["series"][0]["values"]);
            }
            "batch" => {
                let place = self.position.as_mut().expect("a batch after a snapshot");
                assert_eq!(message["seq"].as_u64(), Some(place.seq + 1), "no gap and no repeat");
                place.seq += 1;
                if panel["view"].is_object() {
                    self.points = points(&panel["view"]["times"], &panel["view"]["series"][0]["values"]);
                }
                if panel["append"].is_object() {
                    self.points.extend(points(&panel["append"]["times"], &panel["append"]["values"][0]));
                }
            }
            "hello" | "ping" => (),
            other => panic!("nobody expects {other}"),
        }
    }
}

fn points(times: &Value, values: &Value) -> Vec<(i64, Value)> {
    let (times, values) = (times.as_array().into_iter().flatten(), values.as_array().into_iter().flatten());
    times.zip(values).map(|(time, value)| (time.as_i64().unwrap(), value.clone())).collect()
}

fn on_one_thread(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_in_between_everybody_ends_with_what_the_channel_shows(acts in vec(viewer_action(), 1..60)) {
        on_one_thread(async {
            let stage = LiveFixture::with_page(CHART);
            // The channels go on, whoever leaves.
            let _kept: Vec<_> = CITIES.iter().map(|city| stage.subscribe(&[("city", city)])).collect();
            let mut watchers = [SimulatedViewer::new(Some(1 << 20)), SimulatedViewer::new(Some(512)), SimulatedViewer::new(None)];
            settle().await;
            for act in acts {
                match act {
                    ViewerAction::Pass(tenths) => stage.passes(INTERVAL * u32::from(tenths)).await,
                    ViewerAction::Take(who, count) => {
                        watchers[who].takes(count).await;
                    }
                    ViewerAction::Break(who) => watchers[who].link = WatcherLink::Broken,
                    ViewerAction::Return(who) => watchers[who].returns(&stage).await,
                    ViewerAction::Choose(who, city) => watchers[who].chooses(&stage, city).await,
                }
            }
            for watcher in &mut watchers {
                // Some were cut off, and find out only now.
                while watcher.takes(1_000).await > 0 {}
                if matches!(watcher.link, WatcherLink::Broken) {
                    watcher.returns(&stage).await;
                    while watcher.takes(1_000).await > 0 {}
                }
                let shown = stage.subscribe(&[("city", CITIES[watcher.city])]).initial_state();
                let view = serde_json::to_value(&shown.panels.values().next().unwrap().view).unwrap();
                assert_eq!(watcher.position.as_ref(), Some(&shown.position));
                assert_eq!(watcher.points, points(&view["times"], &view["series"][0]["values"]));
                assert!(watcher.points.windows(2).all(|pair| pair[0].0 < pair[1].0), "no point twice");
            }
        });
    }
}
