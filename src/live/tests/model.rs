//! Property test: whatever happens in between, every viewer ends up with the state of the channel.

use futures::SinkExt;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::*;

const CITIES: [&str; 2] = ["LA", "NYC"];

/// An event of the simulation, in any order.
#[derive(Clone, Copy, Debug)]
enum ViewerAction {
    /// So many tenths of a second pass. Each second brings a reading.
    Pass(u16),
    /// A viewer reads so many messages, as far as there are any.
    Take(usize, usize),
    /// A viewer's connection breaks.
    Break(usize),
    /// A viewer reconnects, to resume where it was.
    Return(usize),
    /// A viewer asks for another channel.
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

/// One over a WebSocket with a large buffer, one over a small one that is full at once, one over a stream of events.
const WATCHERS: usize = 3;

enum WatcherLink {
    Socket(Box<ClientSocket>),
    Stream(Box<SseConnection>),
    Broken,
}

/// A simulated browser: it keeps the points it received, and its position.
struct SimulatedViewer {
    link: WatcherLink,
    /// The bytes that its transport buffers; `None` for a stream of events.
    capacity: Option<usize>,
    city: usize,
    position: Option<ChannelPosition>,
    points: Vec<(i64, Value)>,
}

impl SimulatedViewer {
    fn new(capacity: Option<usize>) -> Self {
        Self { link: WatcherLink::Broken, capacity, city: 0, position: None, points: Vec::new() }
    }

    async fn returns(&mut self, fixture: &LiveFixture) {
        let inputs = [("city", CITIES[self.city])];
        self.link = if let Some(capacity) = self.capacity {
            WatcherLink::Socket(Box::new(fixture.watches(&inputs, self.position.clone(), capacity).await))
        } else {
            let subscription = fixture.subscribe(&inputs);
            let clock = fixture.clock.clone();
            WatcherLink::Stream(Box::new(SseConnection::new(
                subscription,
                self.position.as_ref(),
                fixture.authorization(),
                clock,
            )))
        };
    }

    async fn chooses(&mut self, fixture: &LiveFixture, city: usize) {
        if self.city == city {
            return;
        }
        self.city = city;
        match &mut self.link {
            WatcherLink::Socket(client) => {
                let message = json!({ "type": "inputs", "values": { "city": CITIES[city] } }).to_string();
                if !matches!(client.send(Message::text(message)).now_or_never(), Some(Ok(()))) {
                    self.link = WatcherLink::Broken;
                }
            }
            // A stream of events receives nothing: its browser opens another one, and begins anew.
            WatcherLink::Stream(_) => {
                self.position = None;
                self.returns(fixture).await;
            }
            WatcherLink::Broken => self.position = None,
        }
    }

    /// Reads up to `most` messages, as far as there are any, and returns how many there were.
    async fn takes(&mut self, most: usize) -> usize {
        for count in 0..most {
            let text = match &mut self.link {
                WatcherLink::Broken => return count,
                WatcherLink::Stream(connection) => match connection.next_action().now_or_never() {
                    None => return count,
                    Some(SseAction::Send(message)) => message.text().to_owned(),
                    Some(SseAction::Close(reason)) => panic!("nobody closed it: {reason:?}"),
                },
                WatcherLink::Socket(client) => match next_message(client).await {
                    None => return count,
                    Some(Some(Ok(Message::Text(text)))) => text.to_string(),
                    Some(Some(Ok(_))) => continue,
                    // A client that accepts nothing for too long is dropped.
                    Some(Some(Err(_)) | None) => {
                        self.link = WatcherLink::Broken;
                        return count;
                    }
                },
            };
            self.receives(&serde_json::from_str(&text).unwrap());
        }
        most
    }

    fn receives(&mut self, message: &Value) {
        let panel = &message["panels"]["cpu"];
        match message["type"].as_str().unwrap() {
            "snapshot" => {
                let epoch = message["epoch"].as_str().unwrap().to_owned();
                self.position = Some(ChannelPosition { epoch, seq: message["seq"].as_u64().unwrap() });
                self.points = points(&panel["view"]["times"], &panel["view"]["series"][0]["values"]);
            }
            "batch" => {
                let position = self.position.as_mut().expect("a batch after a snapshot");
                assert_eq!(message["seq"].as_u64(), Some(position.seq + 1), "no gap and no repeat");
                position.seq += 1;
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
            let fixture = LiveFixture::with_page(&CHART.replace("1m", "1h"));
            // The channels go on, whoever leaves.
            let _kept: Vec<_> = CITIES.iter().map(|city| fixture.subscribe(&[("city", city)])).collect();
            let mut watchers = [SimulatedViewer::new(Some(1 << 20)), SimulatedViewer::new(Some(512)), SimulatedViewer::new(None)];
            settle().await;
            for act in acts {
                match act {
                    ViewerAction::Pass(tenths) => fixture.passes(INTERVAL * u32::from(tenths)).await,
                    ViewerAction::Take(who, count) => {
                        watchers[who].takes(count).await;
                    }
                    ViewerAction::Break(who) => watchers[who].link = WatcherLink::Broken,
                    ViewerAction::Return(who) => watchers[who].returns(&fixture).await,
                    ViewerAction::Choose(who, city) => watchers[who].chooses(&fixture, city).await,
                }
            }
            for watcher in &mut watchers {
                // Some were cut off, and find out only now.
                while watcher.takes(1_000).await > 0 {}
                if matches!(watcher.link, WatcherLink::Broken) {
                    watcher.returns(&fixture).await;
                    while watcher.takes(1_000).await > 0 {}
                }
                let shown = fixture.subscribe(&[("city", CITIES[watcher.city])]).initial_state();
                let view = serde_json::to_value(&shown.panels.values().next().unwrap().view).unwrap();
                assert_eq!(watcher.position.as_ref(), Some(&shown.position));
                assert_eq!(watcher.points, points(&view["times"], &view["series"][0]["values"]));
                assert!(watcher.points.windows(2).all(|pair| pair[0].0 < pair[1].0), "no point twice");
            }
        });
    }
}
