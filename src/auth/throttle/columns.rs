//! The columns of the throttle's tables, which are alike in all engines.

use std::time::Duration;

use super::account_key::{AccountKey, NameKey, NetworkKey, PersonKey};
use super::known_people::{KnownName, KnownPerson};
use super::place::Place;
use crate::directory::LockoutPolicy;
use crate::domain::Timestamp;

/// A name: its key, whether it was typed, whose it is, and when it last was seen to be.
pub(super) type NameRow = (i64, bool, i64, Timestamp);

/// A person: their key, network, policy's threshold and window, and when they last signed in.
pub(super) type PersonRow = (i64, Option<i64>, Option<u32>, Option<i64>, Timestamp);

/// A failure: its time and place.
pub(super) type FailurePair = (Timestamp, u8);

pub(super) fn known_name((name, is_typed, person, seen_at): NameRow) -> KnownName {
    KnownName { name: NameKey(key_of(name)), is_typed, person: PersonKey(key_of(person)), seen_at }
}

pub(super) fn known_person((person, network, threshold, window, signed_in_at): PersonRow) -> KnownPerson {
    let policy = threshold.zip(window);
    KnownPerson {
        person: PersonKey(key_of(person)),
        network: network.map(|network| NetworkKey(key_of(network))),
        policy: policy.map(|(threshold, window)| LockoutPolicy { threshold, window: duration_of(window) }),
        signed_in_at,
    }
}

/// The failures of an account as a JSON array of pairs: the time, and the place.
pub(super) fn failures_column(failures: &[(Timestamp, Place)]) -> String {
    let pairs = failures.iter().map(|(at, place)| format!("[{},{}]", at.as_millis(), *place as u8));
    format!("[{}]", pairs.collect::<Vec<_>>().join(","))
}

pub(super) fn row_of(account: AccountKey) -> (i64, i64) {
    match account {
        AccountKey::Name(NameKey(key)) => (0, key.cast_signed()),
        AccountKey::Person(PersonKey(key)) => (1, key.cast_signed()),
    }
}

pub(super) fn account_of(kind: i64, account: i64) -> AccountKey {
    let key = key_of(account);
    if kind == 0 { AccountKey::Name(NameKey(key)) } else { AccountKey::Person(PersonKey(key)) }
}

pub(super) fn key_of(stored: i64) -> u64 {
    stored.cast_unsigned()
}

pub(super) fn place_of(stored: u8) -> Place {
    match stored {
        0 => Place::Unfamiliar,
        1 => Place::Familiar,
        _ => Place::Own,
    }
}

pub(super) fn duration_of(millis: i64) -> Duration {
    Duration::from_millis(millis.try_into().unwrap_or_default())
}
