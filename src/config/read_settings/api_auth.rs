use std::time::Duration;

use super::super::api_auth_settings::{BasicSettings, JwtSettings, TokenSettings};
use super::super::reader::Fields;

/// The caching of a password: a script that calls every few seconds costs one bind a minute, and a change is noticed by
/// then.
const DEFAULT_REMEMBER: Duration = Duration::from_mins(1);

/// The longest caching of a password; longer, and one that was changed would open pages for too long.
const MAX_REMEMBER: Duration = Duration::from_mins(15);

/// The lifetime of a token, a quarter: long enough not to be a nuisance, short enough that its purpose is not forgotten.
const DEFAULT_LIFETIME: Duration = Duration::from_hours(90 * 24);

const DEFAULT_LONGEST: Duration = Duration::from_hours(365 * 24);

/// The shortest lifetime of a token: a shorter one would expire while it is being copied.
const MIN_TOKEN_LIFETIME: Duration = Duration::from_mins(1);

/// The longest lifetime of a token, ten years: a longer one outlives everybody's memory of it.
const MAX_TOKEN_LIFETIME: Duration = Duration::from_hours(10 * 365 * 24);

/// The time that a token is good without a sign-in of its owner: a week, so that a holiday costs one sign-in.
const DEFAULT_UNREFRESHED: Duration = Duration::from_hours(7 * 24);

/// The lifetime of a JWT: long enough for a clock that is a minute off, short enough that nobody keeps it.
const DEFAULT_JWT_LIFETIME: Duration = Duration::from_mins(3);

/// The longest lifetime of a JWT: it is for the next minutes; what is to last is an API token.
const MAX_JWT_LIFETIME: Duration = Duration::from_hours(1);

const DEFAULT_ROTATE: Duration = Duration::from_hours(30 * 24);

/// The shortest lifetime of a key: each still verifies for a while, and there should be a handful, not hundreds.
const MIN_ROTATE: Duration = Duration::from_hours(1);

/// Reads `[basic]`.
pub(super) fn read_basic(mut fields: Fields<'_>) -> Option<BasicSettings> {
    let enabled = fields.optional("enabled", true, Fields::boolean);
    let remember = fields.optional("remember", DEFAULT_REMEMBER, |fields, key| {
        fields.duration(key, Duration::ZERO..=MAX_REMEMBER).map(|found| found.value)
    });
    fields.finish();
    Some(BasicSettings { enabled: enabled?, remember: remember? })
}

/// Reads `[tokens]`.
pub(super) fn read_tokens(mut fields: Fields<'_>) -> Option<TokenSettings> {
    let range = MIN_TOKEN_LIFETIME..=MAX_TOKEN_LIFETIME;
    let longest = fields
        .optional("longest", DEFAULT_LONGEST, |fields, key| fields.duration(key, range.clone()).map(|found| found.value))?;
    let lifetime = fields.optional("lifetime", None, |fields, key| fields.duration(key, range.clone()).map(Some))?;
    if let Some(lifetime) = &lifetime
        && lifetime.value > longest
    {
        let message = "`lifetime` is longer than `longest`, so no token could have it";
        fields.sink.report(&lifetime.location, message, "write a shorter `lifetime` or a longer `longest`");
    }
    let unrefreshed = fields.optional("unrefreshed", DEFAULT_UNREFRESHED, |fields, key| {
        fields.duration(key, range.clone()).map(|found| found.value)
    });
    fields.finish();
    let lifetime = lifetime.map_or(DEFAULT_LIFETIME.min(longest), |lifetime| lifetime.value);
    Some(TokenSettings { lifetime, longest, unrefreshed: unrefreshed? })
}

/// Reads `[jwt]`.
pub(super) fn read_jwt(mut fields: Fields<'_>) -> Option<JwtSettings> {
    let lifetime = fields.optional("lifetime", DEFAULT_JWT_LIFETIME, |fields, key| {
        fields.duration(key, Duration::from_secs(10)..=MAX_JWT_LIFETIME).map(|found| found.value)
    });
    let rotate = fields.optional("rotate", DEFAULT_ROTATE, |fields, key| {
        fields.duration(key, MIN_ROTATE..=MAX_TOKEN_LIFETIME).map(|found| found.value)
    });
    fields.finish();
    Some(JwtSettings { lifetime: lifetime?, rotate: rotate? })
}
