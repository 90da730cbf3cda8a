use std::time::Duration;

use super::super::api_auth_settings::{BasicSettings, JwtSettings, TokenSettings};
use super::super::reader::Fields;

/// A script that asks every few seconds costs the directory one bind a minute, and a changed password is noticed by then.
const DEFAULT_REMEMBER: Duration = Duration::from_mins(1);

/// Longer, and a password that was changed would open pages for too long.
const LONGEST_REMEMBER: Duration = Duration::from_mins(15);

/// A quarter: long enough not to be a nuisance, short enough that nobody forgets what a token was for.
const DEFAULT_LIFETIME: Duration = Duration::from_hours(90 * 24);

const DEFAULT_LONGEST: Duration = Duration::from_hours(365 * 24);

/// A shorter token would expire while it is being copied.
const SHORTEST_TOKEN: Duration = Duration::from_mins(1);

/// A token that outlives everybody's memory of it.
const LONGEST_TOKEN: Duration = Duration::from_hours(10 * 365 * 24);

/// A week's holiday is noticed on the first working day after it.
const DEFAULT_UNREFRESHED: Duration = Duration::from_hours(7 * 24);

/// Long enough for a client whose clock is a minute off, short enough that nobody keeps it.
const DEFAULT_SIGNED_LIFETIME: Duration = Duration::from_mins(3);

/// A signed token is for the next minutes; what is to last is an API token.
const LONGEST_SIGNED_LIFETIME: Duration = Duration::from_hours(1);

const DEFAULT_ROTATE: Duration = Duration::from_hours(30 * 24);

/// Each turn leaves a key that still verifies for a while: a handful of them, not hundreds.
const SHORTEST_ROTATE: Duration = Duration::from_hours(1);

/// `[basic]`.
pub(super) fn read_basic(mut fields: Fields<'_>) -> Option<BasicSettings> {
    let enabled = fields.or("enabled", true, Fields::truth);
    let remember = fields.or("remember", DEFAULT_REMEMBER, |fields, key| {
        fields.duration(key, Duration::ZERO..=LONGEST_REMEMBER).map(|found| found.value)
    });
    fields.finish();
    Some(BasicSettings { enabled: enabled?, remember: remember? })
}

/// `[tokens]`.
pub(super) fn read_tokens(mut fields: Fields<'_>) -> Option<TokenSettings> {
    let range = SHORTEST_TOKEN..=LONGEST_TOKEN;
    let longest = fields
        .or("longest", DEFAULT_LONGEST, |fields, key| fields.duration(key, range.clone()).map(|found| found.value))?;
    let lifetime = fields.or("lifetime", None, |fields, key| fields.duration(key, range.clone()).map(Some))?;
    if let Some(lifetime) = &lifetime
        && lifetime.value > longest
    {
        let message = "`lifetime` is longer than `longest`, so no token could have it";
        fields.ledger.note(&lifetime.place, message, "write a shorter `lifetime` or a longer `longest`");
    }
    let unrefreshed = fields.or("unrefreshed", DEFAULT_UNREFRESHED, |fields, key| {
        fields.duration(key, range.clone()).map(|found| found.value)
    });
    fields.finish();
    let lifetime = lifetime.map_or(DEFAULT_LIFETIME.min(longest), |lifetime| lifetime.value);
    Some(TokenSettings { lifetime, longest, unrefreshed: unrefreshed? })
}

/// `[jwt]`.
pub(super) fn read_signed(mut fields: Fields<'_>) -> Option<JwtSettings> {
    let lifetime = fields.or("lifetime", DEFAULT_SIGNED_LIFETIME, |fields, key| {
        fields.duration(key, Duration::from_secs(10)..=LONGEST_SIGNED_LIFETIME).map(|found| found.value)
    });
    let rotate = fields.or("rotate", DEFAULT_ROTATE, |fields, key| {
        fields.duration(key, SHORTEST_ROTATE..=LONGEST_TOKEN).map(|found| found.value)
    });
    fields.finish();
    Some(JwtSettings { lifetime: lifetime?, rotate: rotate? })
}
