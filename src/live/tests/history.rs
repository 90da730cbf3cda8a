//! Charts draw from the past that their feeds keep, whatever becomes of channels.

use super::*;

/// The values that the chart of a channel shows.
async fn values(subscription: &Subscription) -> Vec<f64> {
    settle().await;
    let frame = serde_json::to_value(&subscription.initial_state().panels["cpu"]).unwrap();
    let values = frame["view"]["series"][0]["values"].as_array().unwrap();
    values.iter().map(|value| value.as_f64().unwrap()).collect()
}

#[tokio::test]
async fn another_choice_of_inputs_begins_with_the_past_and_coming_back_finds_it() {
    let fixture = LiveFixture::with_page(CHART);
    let angeles = fixture.subscribe(&[("city", "LA")]);
    settle().await;
    fixture.passes(3 * SECOND).await;
    let york = fixture.subscribe(&[("city", "NYC")]);
    assert_eq!(values(&york).await, [1.0, 2.0, 3.0, 4.0]);
    drop(angeles);
    fixture.passes(2 * GRACE).await;
    let angeles = fixture.subscribe(&[("city", "LA")]);
    assert_eq!(values(&angeles).await, values(&york).await);
    assert_eq!((values(&york).await.len(), fixture.hub.feeds().report().len()), (61, 1));
}

#[tokio::test]
async fn a_page_that_is_saved_keeps_the_past_of_its_charts_also_with_another_interval_or_window() {
    let fixture = LiveFixture::with_page(CHART);
    let mut subscription = fixture.subscribe(&[]);
    settle().await;
    fixture.passes(3 * SECOND).await;
    for (saved, expected) in [
        (CHART.replace("CPU", "Processors"), vec![1.0, 2.0, 3.0, 4.0]),
        (CHART.replace("1m", "2m"), vec![1.0, 2.0, 3.0, 4.0]),
        // The new feed asks at once, and the past has that moment already.
        (CHART.replace("1s", "2s"), vec![1.0, 2.0, 3.0, 4.0]),
    ] {
        fs::write(fixture.folder.path().join("board.toml"), saved).unwrap();
        fixture.page_store.reload();
        let epoch = subscription.initial_state().position.epoch;
        subscription = fixture.subscribe(&[]);
        assert_ne!(subscription.initial_state().position.epoch, epoch);
        assert_eq!(values(&subscription).await, expected);
    }
}

#[tokio::test]
async fn a_late_channel_shows_the_same_states_as_an_old_one() {
    let states = CHART.replace("line", "states").replace("window = \"1m\"", "thresholds = [{ at = 3, state = \"bad\" }]");
    let fixture = LiveFixture::with_page(&states);
    let old = fixture.subscribe(&[("city", "LA")]);
    settle().await;
    fixture.passes(5 * SECOND).await;
    let late = fixture.subscribe(&[("city", "NYC")]);
    settle().await;
    let shown = |subscription: &Subscription| serde_json::to_value(&subscription.initial_state().panels["cpu"]).unwrap();
    assert_eq!(shown(&late), shown(&old));
    assert_eq!(shown(&late)["view"]["rows"][0]["beats"].as_array().unwrap().len(), 6);
}
