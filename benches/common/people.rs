//! People who are signed in before the server opens.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use belvedere::config::SessionSettings;
use belvedere::domain::{Client, Group, GroupId, Person, PersonId, Realm, Revalidation, SystemClock};
use belvedere::sessions::{SessionOptions, Sessions};
use futures::{StreamExt as _, stream};

/// Sessions that are begun at the same time, and so written together.
const AT_ONCE: usize = 256;

/// Everybody is in one of these groups, by their number.
pub(crate) const GROUPS: [&str; 5] = ["desk-0", "desk-1", "desk-2", "desk-3", "desk-4"];

/// Begins that many sessions, of so many people in turn, in the state folder `state`. Gives the cookies' values.
pub(crate) async fn sign_in(state: &Path, sessions: usize, people: usize) -> Vec<String> {
    let store = sessions_in(state).await;
    let tokens = begin(&store, sessions, people).await;
    store.close().await;
    tokens
}

/// The sessions in a state folder.
pub(crate) async fn sessions_in(state: &Path) -> Sessions {
    Sessions::open(&state.join("sessions.db"), &lifetimes(), Arc::new(SystemClock)).await.unwrap()
}

/// How long they last.
pub(crate) fn lifetimes() -> SessionSettings {
    let day = Duration::from_hours(24);
    SessionSettings::with_lifetimes(day, day)
}

/// Begins that many sessions, of so many people in turn. Gives the cookies' values.
pub(crate) async fn begin(store: &Sessions, sessions: usize, people: usize) -> Vec<String> {
    begin_for(store, (0..sessions).map(|n| n % people)).await
}

/// Begins that many sessions of one person. Gives the cookies' values.
pub(crate) async fn begin_of(store: &Sessions, sessions: usize, person: usize) -> Vec<String> {
    begin_for(store, std::iter::repeat_n(person, sessions)).await
}

async fn begin_for(store: &Sessions, people: impl Iterator<Item = usize>) -> Vec<String> {
    stream::iter(people)
        .map(|n| {
            let store = store.clone();
            async move {
                let beginning = SessionOptions::password_only(Revalidation::Unrefreshed);
                let (token, _) = store.begin(&person(n), &Client::default(), beginning).await.unwrap();
                token.reveal().to_string()
            }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

/// Somebody, as the directory would describe them.
pub(crate) fn person(n: usize) -> Person {
    let group = GROUPS[n % GROUPS.len()];
    let dn = format!("cn={group},ou=groups,dc=example,dc=org");
    Person {
        id: PersonId::new(format!("entryUUID:{n}")),
        realm: Realm::Default,
        username: format!("person-{n}"),
        principal: None,
        display_name: format!("Person {n}"),
        groups: std::iter::once(Group { id: GroupId::new(&dn), name: group.to_owned(), dn, shares_name: false }).collect(),
        password_expires: None,
        password_set: None,
    }
}
