//! A randomised model of three nodes, in virtual time: people sign in and out, are sent away and guess passwords, pages are edited, nodes
//! die and are updated, and store and bus are cut off or slow, while the nodes' clocks differ by five minutes.
//!
//! At the end no session lives that was ended, none has died that was not, no account is locked, and every viewer has before them what
//! the page's channel has. An hour takes less than a minute. Another run is had with `BELVEDERE_TESTS_MODEL_SEED`, a longer one with
//! `BELVEDERE_TESTS_MODEL_HOURS`.

mod checks;
mod events;
mod members;
mod virtual_time;
mod world;

use std::time::Duration;

use self::events::Events;
use self::world::World;

/// The seed where none is given.
const SEED: u64 = 16;

/// The least number of times that what matters must have happened in an hour, so that the run says something.
const MIN_PER_HOUR: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_to_three_nodes_in_an_hour_the_promises_hold_at_its_end() {
    let number = |name: &str, otherwise| std::env::var(name).ok().map_or(otherwise, |text| text.parse().unwrap());
    let (seed, hours) = (number("BELVEDERE_TESTS_MODEL_SEED", SEED), number("BELVEDERE_TESTS_MODEL_HOURS", 1));
    println!("BELVEDERE_TESTS_MODEL_SEED={seed}");
    let Some(mut world) = World::open().await else { return };
    let mut events = Events::from_seed(seed);
    let time = world.time.clone();
    for hour in 1..=hours {
        while time.elapsed() < Duration::from_hours(hour) {
            let event = events.next();
            // Shown where the test fails.
            println!("{:.0?} {event:?}", time.elapsed());
            time.passes_during(world.apply(event)).await;
            world.holds_safe().await;
        }
        world.settles().await;
        world.holds_safe().await;
        world.people.forget_all_but_the_living();
    }
    let counts = world.counts;
    println!("{hours} h: {counts:?}");
    let least = MIN_PER_HOUR * usize::try_from(hours).unwrap();
    for (what, count) in counts.of_what_matters() {
        assert!(count >= least, "{what}: {count} times, {counts:?}");
    }
}
