use super::fixture::{START, SessionsFixture};
use crate::domain::{EndReason, SessionId};
use crate::sessions::cache::{MAX_CHANGES, SessionCache};
use crate::store::RowNews;

#[tokio::test]
async fn the_news_of_a_session_leaves_the_others_in_the_cache() {
    let fixture = SessionsFixture::new().await;
    let ((_, alice), (_, bob)) = (fixture.signs_in("alice").await, fixture.signs_in("bob").await);
    let cache = SessionCache::new();
    let [alices, bobs] = [[1; 32], [2; 32]];
    let is_cached = |hash| cache.get(&hash, START).is_some();
    let read = |generation| {
        cache.insert(alices, alice.clone(), START, generation);
        cache.insert(bobs, bob.clone(), START, generation);
    };
    read(cache.generation());
    cache.hear(RowNews::Changed(alice.id));
    assert!(!is_cached(alices) && is_cached(bobs));
    let before = cache.generation();
    cache.hear(RowNews::Ended(bob.id, EndReason::Revoked));
    read(before);
    assert!(is_cached(alices) && !is_cached(bobs), "bob's was read before it ended");
    read(cache.generation());
    cache.hear(RowNews::Missed);
    assert!(!is_cached(alices) && !is_cached(bobs), "nobody knows whose changed");
    assert!(cache.last_known(&alices).is_some(), "which is good for an outage of the store");
    read(cache.generation());
    cache.hear(RowNews::Changed(alice.id));
    for other in 0..MAX_CHANGES {
        cache.hear(RowNews::Changed(SessionId::new(u128::try_from(other).unwrap())));
    }
    assert!(!is_cached(alices), "a change that is forgotten is not undone");
    assert!(cache.last_known(&alices).is_none(), "in an outage either");
}
