use std::time::Duration;

use crate::config::{ConfigValue, Fields, Setting, SettingRow, duration, integer, read_audience, size};
use crate::domain::{Access, Audience};

const ACCESS: &str = "access";
const MAX_BYTES: &str = "max_bytes";
const RATE: &str = "rate";
const STALE_AFTER: &str = "stale_after";

/// The table of a push source: `access`, `max_bytes`, `rate`, `stale_after`.
#[derive(Debug)]
pub(super) struct PushSettings {
    /// Who may push, with a token for it.
    pub(super) access: Access,
    /// The largest body.
    pub(super) max_bytes: usize,
    /// How many pushes a second each node takes of one person.
    pub(super) rate: u32,
    /// After how long without a push the source is in trouble; `None` where it may be silent.
    pub(super) stale_after: Option<Duration>,
}

impl PushSettings {
    /// Reads the keys out of a source's table, and reports what is wrong with them.
    pub(super) fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let access = access().take_from(fields, ACCESS);
        let max_bytes = max_bytes().take_from(fields, MAX_BYTES);
        let rate = rate().take_from(fields, RATE);
        let stale_after = stale_after().take_from(fields, STALE_AFTER);
        Some(Self { access: access?, max_bytes: max_bytes?, rate: rate?, stale_after: stale_after? })
    }

    /// The reference of the keys.
    pub(super) fn rows() -> Vec<SettingRow> {
        [
            access().into_rows(ACCESS, "Who may push, with a token whose scope has it. `signed-in` is everybody with an account."),
            max_bytes().into_rows(MAX_BYTES, "The largest body."),
            rate().into_rows(RATE, "The most pushes a second of one person, on each node. All together may be half as many more; beyond that the answer is 429."),
            stale_after().into_rows(
                STALE_AFTER,
                "How long after the last push its panels say that nothing has come. Left out: what was pushed is good until the next push.",
            ),
        ]
        .concat()
    }
}

fn access() -> Setting<Access> {
    Setting::new(Access::SignedIn, "`\"signed-in\"`", "`signed-in`, or a table with `groups`, `users` or both", read_access)
        .such_as("{ groups = [\"build-servers\"] }")
}

/// `"signed-in"`, or `{ groups = […], users = […] }`.
fn read_access(fields: &mut Fields<'_>, key: &'static str) -> Option<Access> {
    let node = fields.take(key)?.parse_env_toml(fields.sink)?;
    if !matches!(node.value, ConfigValue::Table(_)) {
        let text = node.into_string(key, fields.sink)?;
        if text.value == "signed-in" {
            return Some(Access::SignedIn);
        }
        let help = "write \"signed-in\", or name people: `access = { groups = [\"build-servers\"], users = [\"alice\"] }`";
        fields.sink.report(&text.location, "`access` cannot be that: nobody pushes without an account", help);
        return None;
    }
    let location = node.location.clone();
    let audience = read_audience(node.into_table(key, fields.sink)?)?;
    if audience == Audience::default() {
        let help = "name a group or a person, or write `access = \"signed-in\"` for everybody with an account";
        fields.sink.report(&location, "`access` names nobody, so nobody could push", help);
        return None;
    }
    Some(Access::Only(audience))
}

/// JSON for a panel is some KiB. It is kept in memory whole, and read by each panel's filter.
fn max_bytes() -> Setting<usize> {
    size(1024 * 1024, 1024..=16 * 1024 * 1024)
}

/// More than anybody's eye follows; each is written down, and read by a filter for each panel.
fn rate() -> Setting<u32> {
    integer(10, 1..=1000)
}

fn stale_after() -> Setting<Option<Duration>> {
    const DAY: Duration = Duration::from_hours(24);
    duration(Duration::from_mins(15), Duration::from_secs(1)..=366 * DAY).optional()
}
