use std::time::Duration;

use super::super::account_settings::{AccountSettings, DigestSettings};
use super::super::reader::Fields;

/// The least characters of a password: beyond what NIST SP 800-63B (5.1.1.2) asks, since an account may have no second
/// factor.
const DEFAULT_SHORTEST_PASSWORD: i64 = 12;

/// The least that may be set: "at least 8 characters in length" (NIST SP 800-63B, 5.1.1.2).
const MIN_SHORTEST_PASSWORD: i64 = 8;

/// The most that may be set: NIST SP 800-63B, 5.1.1.2, wants passwords of 64 characters to be possible.
const MAX_SHORTEST_PASSWORD: i64 = 64;

/// The lifetime of an invitation: a weekend and a day.
const DEFAULT_INVITATION_LASTS: Duration = Duration::from_hours(72);

/// The shortest lifetime of an invitation; shorter, and the mail may come too late.
const MIN_INVITATION: Duration = Duration::from_mins(5);

/// The longest lifetime of an invitation; longer, and it lies forgotten in a mailbox.
const MAX_INVITATION: Duration = Duration::from_hours(24 * 30);

/// Reads `[accounts]`.
pub(super) fn read_accounts(mut fields: Fields<'_>) -> Option<AccountSettings> {
    let shortest = fields.optional("shortest_password", DEFAULT_SHORTEST_PASSWORD, |fields, key| {
        fields.integer(key, MIN_SHORTEST_PASSWORD..=MAX_SHORTEST_PASSWORD)
    });
    let invitation_lasts = fields.optional("invitation_lasts", DEFAULT_INVITATION_LASTS, |fields, key| {
        fields.duration(key, MIN_INVITATION..=MAX_INVITATION).map(|lasts| lasts.value)
    });
    fields.finish();
    Some(AccountSettings { shortest_password: usize::try_from(shortest?).ok()?, invitation_lasts: invitation_lasts? })
}

/// Reads `[digest]`.
pub(super) fn read_digest(mut fields: Fields<'_>) -> Option<DigestSettings> {
    let enabled = fields.optional("enabled", false, Fields::boolean);
    fields.finish();
    Some(DigestSettings { enabled: enabled? })
}
