use super::super::channel::ChannelEnd;
use super::*;

#[tokio::test]
async fn one_query_is_one_feed_however_many_watch() {
    let second_panel = BOARD.split_once("[[panel]]").unwrap().1.replace("\"cpu\"", "\"again\"");
    let fixture = LiveFixture::with_page(&format!("{BOARD}\n[[panel]]{second_panel}"));
    let _viewers: Vec<_> = (0..50).map(|_| fixture.watch()).collect();
    settle().await;
    fixture.passes(3 * SECOND).await;
    assert_eq!(fixture.counter.asked("cpu.total"), 4, "at once, and then every second");
    assert_eq!(fixture.hub.channels(), 1);
    assert_eq!(fixture.hub.feeds().report().len(), 1);
}

#[tokio::test]
async fn a_viewer_hears_every_batch_in_order_after_one_snapshot() {
    let fixture = LiveFixture::with_page(BOARD);
    let mut viewer = fixture.watch();
    settle().await;
    let first = json(&viewer.next().await.unwrap());
    assert_eq!((first["type"].as_str(), shown(&first)), (Some("snapshot"), "1"));
    for count in 2..20 {
        fixture.passes(SECOND).await;
        let batch = json(&viewer.next().await.unwrap());
        assert_eq!(batch["type"], "batch");
        assert_eq!(batch["seq"], first["seq"].as_u64().unwrap() + count - 1);
        assert_eq!(batch["sent"], fixture.clock.now().as_millis());
        assert_eq!(shown(&batch), count.to_string());
    }
}

#[tokio::test]
async fn who_falls_off_the_ring_gets_one_snapshot_and_goes_on_from_there() {
    let fixture = LiveFixture::with_page(BOARD);
    let mut slow = fixture.watch();
    settle().await;
    slow.next().await;
    fixture.passes(10 * SECOND).await;
    let caught_up = json(&slow.next().await.unwrap());
    assert_eq!((caught_up["type"].as_str(), shown(&caught_up)), (Some("snapshot"), "11"));
    fixture.passes(SECOND).await;
    let next = json(&slow.next().await.unwrap());
    assert_eq!((next["type"].as_str(), shown(&next)), (Some("batch"), "12"));
}

#[tokio::test]
async fn a_reconnect_within_the_ring_replays_the_whole_gap_and_outside_it_none() {
    let fixture = LiveFixture::with_page(BOARD);
    let mut viewer = fixture.watch();
    settle().await;
    let left = viewer.next().await.unwrap().position().unwrap().clone();
    fixture.passes(3 * SECOND).await;

    let mut back = ChannelReader::new(fixture.subscribe(&[]), Some(&left));
    for count in ["2", "3", "4"] {
        let replayed = json(&back.next().await.unwrap());
        assert_eq!((replayed["type"].as_str(), shown(&replayed)), (Some("batch"), count));
    }

    fixture.passes(5 * SECOND).await;
    for stale in
        [left.clone(), ChannelPosition { epoch: "another".into(), ..left.clone() }, ChannelPosition { seq: 99, ..left }]
    {
        let mut late = ChannelReader::new(fixture.subscribe(&[]), Some(&stale));
        assert_eq!(json(&late.next().await.unwrap())["type"], "snapshot", "{stale:?}");
    }
}

#[tokio::test]
async fn the_first_paint_and_the_socket_join_without_a_gap_or_a_repeat() {
    let fixture = LiveFixture::with_page(&BOARD.replace("\"stat\"", "\"line\""));
    let subscription = fixture.subscribe(&[]);
    settle().await;
    fixture.passes(3 * SECOND).await;
    let initial = subscription.initial_state();
    fixture.passes(2 * SECOND).await;
    let mut viewer = ChannelReader::new(fixture.subscribe(&[]), Some(&initial.position));

    let initial_panel = serde_json::to_value(&initial.panels["cpu"]).unwrap();
    let mut times = initial_panel["view"]["times"].as_array().unwrap().clone();
    for _ in 0..2 {
        let batch = json(&viewer.next().await.unwrap());
        times.extend(batch["panels"]["cpu"]["append"]["times"].as_array().unwrap().iter().cloned());
    }
    let now = serde_json::to_value(&fixture.subscribe(&[]).initial_state().panels["cpu"]).unwrap();
    assert_eq!(&times, now["view"]["times"].as_array().unwrap());
    assert_eq!(times.len(), 6);
}

#[tokio::test]
async fn a_snapshot_is_encoded_once_for_all_who_ask_at_the_same_place() {
    let fixture = LiveFixture::with_page(BOARD);
    let (mut one, mut other) = (fixture.watch(), fixture.watch());
    settle().await;
    assert!(Arc::ptr_eq(&one.next().await.unwrap(), &other.next().await.unwrap()));
    fixture.passes(SECOND).await;
    assert!(Arc::ptr_eq(&one.next().await.unwrap(), &other.next().await.unwrap()));
}

#[tokio::test]
async fn a_failing_source_keeps_its_last_value_and_says_why_and_is_asked_less_and_less() {
    let fixture = LiveFixture::with_page(BOARD);
    let mut viewer = fixture.watch();
    settle().await;
    viewer.next().await;
    fixture.counter.fails_with(Some("stock.corp answered 503"));
    fixture.passes(SECOND).await;
    let failing = json(&viewer.next().await.unwrap());
    let trouble = &failing["panels"]["cpu"]["trouble"];
    let reason = trouble["reason"].as_str().unwrap().to_owned();
    assert!(reason.starts_with("host gave an answer that cannot be used (reference "), "{reason}");
    assert!(failing["panels"]["cpu"]["view"].is_null(), "the view stays as it is: {failing}");

    let newcomer = json(&fixture.watch().next().await.unwrap());
    assert_eq!(shown(&newcomer), "1", "a newcomer sees the last value too");
    assert_eq!(newcomer["panels"]["cpu"]["trouble"]["reason"], reason);

    let before = fixture.counter.asked("cpu.total");
    fixture.passes(60 * SECOND).await;
    let asked = fixture.counter.asked("cpu.total") - before;
    assert!((4..=6).contains(&asked), "after 2, 4, 8, 16, 32 s, not {asked} times");

    fixture.counter.fails_with(None);
    fixture.passes(60 * SECOND).await;
    let well = json(&fixture.watch().next().await.unwrap());
    assert!(well["panels"]["cpu"]["trouble"].is_null());
    assert_ne!(shown(&well), "1");
}

#[tokio::test]
async fn a_reading_counts_even_when_the_machines_clock_was_set_back() {
    let fixture = LiveFixture::with_page(BOARD);
    let mut viewer = fixture.watch();
    settle().await;
    viewer.next().await;
    fixture.clock.set_back(3_600 * SECOND);
    fixture.passes(2 * SECOND).await;
    let later = json(&viewer.next().await.unwrap());
    assert_eq!((later["type"].as_str(), shown(&later)), (Some("batch"), "2"));
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_told_once_with_its_beginning() {
    let fixture = LiveFixture::with_page(&BOARD.replace("\"stat\"", "\"table\""));
    let mut viewer = fixture.watch();
    settle().await;
    let trouble = |frame: Value| frame["panels"]["cpu"]["trouble"].clone();
    let first = trouble(json(&viewer.next().await.unwrap()));
    assert!(first["reason"].as_str().unwrap().contains("table"), "{first}");
    assert!(first["retry_at"].as_i64() > first["since"].as_i64());
    fixture.passes(5 * SECOND).await;
    let later = trouble(json(&fixture.watch().next().await.unwrap()));
    assert_eq!(later["since"], first["since"], "it began then and has not stopped since");
}

#[tokio::test]
async fn a_channel_that_broke_sends_its_viewers_away() {
    let fixture = LiveFixture::with_page(BOARD);
    let subscription = fixture.subscribe(&[]);
    let mut viewer = fixture.watch();
    settle().await;
    viewer.next().await;
    let (next, ()) = tokio::join!(viewer.next(), async { subscription.channel().end(ChannelEnd::Broken) });
    assert!(next.is_none());
}

#[tokio::test]
async fn a_channel_that_starts_while_its_feed_fails_shows_what_the_feed_last_knew() {
    let page = format!("{BOARD}\n[[input]]\nname = \"city\"\nkind = \"radio\"\noptions = [\"LA\", \"NYC\"]\n");
    let fixture = LiveFixture::with_page(&page);
    let mut first = ChannelReader::new(fixture.subscribe(&[("city", "LA")]), None);
    settle().await;
    first.next().await;
    fixture.counter.fails_with(Some("gone"));
    fixture.passes(SECOND).await;
    // The query does not use the input, so the other channel joins the same feed.
    let subscription = fixture.subscribe(&[("city", "NYC")]);
    settle().await;
    let late = json(&ChannelReader::new(subscription, None).next().await.unwrap());
    assert_eq!(shown(&late), "1");
    let reason = late["panels"]["cpu"]["trouble"]["reason"].as_str().unwrap();
    assert!(reason.starts_with("host gave") && !reason.contains("gone"), "{reason}");
}

#[tokio::test]
async fn a_channel_nobody_watches_is_given_up_after_the_grace_time_and_its_feeds_with_it() {
    let fixture = LiveFixture::with_page(BOARD);
    let viewer = fixture.watch();
    settle().await;
    let epoch = fixture.subscribe(&[]).initial_state().position.epoch;
    drop(viewer);
    fixture.passes(59 * SECOND).await;
    assert_eq!(fixture.subscribe(&[]).initial_state().position.epoch, epoch, "who comes back in time finds the same channel");
    settle().await;
    fixture.passes(GRACE + SECOND).await;
    assert_eq!(fixture.hub.channels(), 0);
    assert!(fixture.hub.feeds().report().is_empty());
    let asked = fixture.counter.asked("cpu.total");
    fixture.passes(5 * SECOND).await;
    assert_eq!(fixture.counter.asked("cpu.total"), asked, "nobody asks any more");
    assert_ne!(fixture.subscribe(&[]).initial_state().position.epoch, epoch, "a new run is a new epoch");
}

#[tokio::test]
async fn a_kept_page_runs_on_with_every_choice_of_its_inputs() {
    let page = format!("keep = true\n{BOARD}\n[[input]]\nname = \"city\"\nkind = \"radio\"\noptions = [\"LA\", \"NYC\"]\n");
    let fixture = LiveFixture::with_page(&page);
    let kept = fixture.hub.subscribe_kept_pages(&fixture.page_store);
    fixture.passes(2 * GRACE).await;
    assert_eq!((kept.channels.len(), fixture.hub.channels()), (2, 2));
    assert_eq!(kept.channels[0].viewers(), 0, "keeping is not watching");
    drop(kept);
    settle().await;
    fixture.passes(GRACE + SECOND).await;
    assert_eq!(fixture.hub.channels(), 0);
}

#[tokio::test]
async fn batches_are_no_closer_together_than_the_interval() {
    let fast = BOARD.replace("\"1s\"", "\"100ms\"");
    let other = fast.split_once("[[panel]]").unwrap().1.replace("\"cpu\"", "\"load\"").replace("cpu.total", "load.1");
    let fixture = LiveFixture::with_page(&format!("{fast}\n[[panel]]{other}"));
    let mut viewer = fixture.watch();
    settle().await;
    let mut last = json(&viewer.next().await.unwrap());
    for _ in 0..20 {
        fixture.clock.advance(INTERVAL / 2);
        settle().await;
    }
    let seq = fixture.subscribe(&[]).initial_state().position.seq;
    assert!(seq <= last["seq"].as_u64().unwrap() + 11, "two panels, a second: at most ten batches, not {seq}");
    last = json(&viewer.next().await.unwrap());
    assert_eq!(last["type"], "snapshot", "the ring is short here");
}

/// A page with 1,600 choices of its inputs.
fn page_with_many_choices() -> String {
    let options: Vec<_> = (0..40).map(|n| format!("\"{n}\"")).collect();
    let options = options.join(", ");
    let input = |name: &str| format!("[[input]]\nname = \"{name}\"\nkind = \"dropdown\"\noptions = [{options}]\n");
    format!("{BOARD}\n{}{}", input("a"), input("b"))
}

/// Subscribes to the choice of that number.
fn subscribe_to(fixture: &LiveFixture, number: usize, holder: &Holder) -> Result<Subscription, CapacityExceeded> {
    let page = fixture.page();
    let (a, b) = ((number / 40).to_string(), (number % 40).to_string());
    fixture.hub.subscribe(&page, &page.choose([("a", a.as_str()), ("b", b.as_str())]).unwrap(), holder)
}

/// Subscribes to one choice after the other, from the `first` on, until one is refused.
fn subscribe_to_all(fixture: &LiveFixture, first: usize, holder: &Holder) -> Vec<Subscription> {
    (first..1600).map_while(|number| subscribe_to(fixture, number, holder).ok()).collect()
}

#[tokio::test]
async fn a_stranger_holds_only_so_many_choices_and_shuts_out_nobody() {
    let fixture = LiveFixture::with_page(&page_with_many_choices());
    let member = |name: &str| Holder::Person(PersonId::new(name));
    let mut held = subscribe_to_all(&fixture, 0, &stranger(1));
    assert_eq!(held.len(), 32);
    assert_eq!(subscribe_to(&fixture, 1599, &stranger(1)).err(), Some(CapacityExceeded::Channels));
    assert!(subscribe_to(&fixture, 1599, &stranger(2)).is_ok(), "who comes next finds room");
    for site in 2..200 {
        held.extend(subscribe_to_all(&fixture, held.len(), &stranger(site)));
    }
    assert!(fixture.hub.channels() <= 125, "strangers have half of the page's channels, not {}", fixture.hub.channels());
    let is_ended = |held: &Subscription| held.channel().ended() == Some(ChannelEnd::Displaced);
    assert!(held[..32].iter().any(is_ended) && !held[..32].iter().all(is_ended), "the first has given up most of its share");
    assert!(subscribe_to_all(&fixture, 1000, &member("alice")).len() >= 60);
    assert!(!subscribe_to_all(&fixture, 1200, &member("bob")).is_empty());
}

#[tokio::test]
async fn who_has_gone_leaves_room_for_who_comes_and_no_trace_in_what_comes_after() {
    let fixture = LiveFixture::with_page(&page_with_many_choices());
    let mut held = subscribe_to_all(&fixture, 0, &stranger(1));
    let (epoch, most) = (held[0].initial_state().position.epoch, held.len());
    held.remove(0);
    held.push(subscribe_to(&fixture, 1599, &stranger(1)).unwrap());
    assert_eq!(subscribe_to(&fixture, 0, &stranger(1)).err(), Some(CapacityExceeded::Channels));
    held.remove(0);
    let again = subscribe_to(&fixture, 0, &stranger(1)).unwrap();
    assert_ne!(again.initial_state().position.epoch, epoch);
    fixture.passes(GRACE + SECOND).await;
    assert_eq!(fixture.hub.channels(), most);
}

#[tokio::test]
async fn what_a_member_watches_too_is_not_the_strangers_and_a_walking_stranger_ends_no_members_channel() {
    let fixture = LiveFixture::with_page(&page_with_many_choices());
    let alice = Holder::Person(PersonId::new("alice"));
    let held = subscribe_to_all(&fixture, 0, &stranger(1));
    let watched = subscribe_to(&fixture, 0, &alice).unwrap();
    let one_more = subscribe_to(&fixture, 32, &stranger(1));
    assert!(one_more.is_ok(), "the first is a member's now");
    drop(watched);
    assert_eq!(subscribe_to(&fixture, 33, &stranger(1)).err(), Some(CapacityExceeded::Channels), "and the stranger's again");
    drop((held, one_more));

    let left = subscribe_to(&fixture, 1000, &alice).unwrap().initial_state().position.epoch;
    for number in 0..999 {
        drop(subscribe_to(&fixture, number, &stranger(1)).unwrap());
    }
    assert_eq!(fixture.hub.channels(), 32 + 1);
    assert_eq!(subscribe_to(&fixture, 1000, &alice).unwrap().initial_state().position.epoch, left, "it ran all the time");
}

#[tokio::test]
async fn what_strangers_hold_beyond_their_share_since_members_left_it_to_them_ends_for_the_next_member() {
    let fixture = LiveFixture::with_page(&page_with_many_choices());
    let member = |number: usize| Holder::Person(PersonId::new(format!("member-{number}")));
    let mut strangers: Vec<_> =
        (0..20).flat_map(|site| subscribe_to_all(&fixture, usize::from(site) * 40, &stranger(site))).collect();
    let before = fixture.hub.channels();
    let of_stranger = strangers[0].initial_state().position.epoch;
    // They join each channel that a member starts, and stay.
    let mut taken_over: Vec<_> = (0..)
        .map_while(|number| {
            let _of_member = subscribe_to(&fixture, 800 + number, &member(number)).ok()?;
            let stays = subscribe_to(&fixture, 800 + number, &stranger(100 + u16::try_from(number).unwrap()));
            (fixture.hub.channels() < 250).then(|| stays.unwrap())
        })
        .collect();
    assert!(taken_over.len() + before >= 248);
    let mut newest = ChannelReader::new(taken_over.pop().unwrap(), None);
    newest.next().await;
    for number in 0..120 {
        let held = subscribe_to(&fixture, 1200 + number, &member(1_000 + number));
        strangers.push(held.unwrap_or_else(|_| panic!("member {number} finds no room")));
    }
    assert!(fixture.hub.channels() <= 250);
    assert!(newest.next().await.is_none(), "the newest went first");
    assert_eq!(subscribe_to(&fixture, 0, &stranger(0)).unwrap().initial_state().position.epoch, of_stranger);
}

#[tokio::test]
async fn the_socket_of_a_channel_that_gave_way_is_told_even_if_it_takes_nothing() {
    let fixture = LiveFixture::with_page(BOARD);
    let subscription = fixture.subscribe(&[]);
    let mut client = fixture.watches(&[], None, 64).await;
    settle().await;
    fixture.passes(SECOND).await;
    assert_eq!(subscription.viewers(), 1);
    subscription.channel().end(ChannelEnd::Displaced);
    settle().await;
    assert_eq!(subscription.viewers(), 0, "its channel is let go before anything is read");
    let mut last = None;
    while let Some(Some(Ok(message))) = next_message(&mut client).await {
        if let Message::Text(text) = &message {
            last = Some(text.to_string());
        }
    }
    assert!(last.is_some_and(|bye| bye.contains("crowded") && bye.contains("retry_ms")));
}
