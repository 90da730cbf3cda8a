use std::time::Duration;

use super::auth::Tone;
use super::layout::{Banner, BannerLink};
use crate::domain::Timestamp;
use crate::web::links::Link;

const DAY: u64 = 24 * 60 * 60;

impl Banner {
    /// Says that the member's password expires soon; `left` is zero when it has. With a link to change it where that can
    /// be done here.
    pub(in crate::web) fn password_expires(left: Duration, can_change: bool) -> Self {
        let link = can_change.then_some(BannerLink { href: Link::to("account/password"), label: "Change it now" });
        // The server does not know the reader's midnight: so a day is 24 hours, and is said rather too early.
        let (tone, text) = match (left.as_secs(), left.as_secs() / DAY) {
            (0, _) => (Tone::Warn, "Your password has expired: it must be changed before you sign in again.".to_owned()),
            (_, 0) => (Tone::Warn, "Your password expires today.".to_owned()),
            (_, 1) => (Tone::Warn, "Your password expires tomorrow.".to_owned()),
            (_, days) => (Tone::Info, format!("Your password expires in {days} days.")),
        };
        Self { tone, text, since_ms: None, link }
    }

    /// Says that the directory cannot be reached, and what that means to whoever is signed in.
    pub(in crate::web) fn directory_unreachable(since: Timestamp) -> Self {
        let text = "The company directory does not answer. You stay signed in meanwhile; changes to accounts and \
                    groups show when it is back."
            .to_owned();
        Self { tone: Tone::Info, text, since_ms: Some(since), link: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_password_is_said_in_days_and_never_too_late() {
        for (hours, expected) in [
            (0, "Your password has expired: it must be changed before you sign in again."),
            (1, "Your password expires today."),
            (23, "Your password expires today."),
            (24, "Your password expires tomorrow."),
            (47, "Your password expires tomorrow."),
            (48, "Your password expires in 2 days."),
            (6 * 24 + 1, "Your password expires in 6 days."),
        ] {
            assert_eq!(Banner::password_expires(Duration::from_hours(hours), true).text, expected, "{hours} h");
        }
    }

    #[test]
    fn it_leads_to_the_form_only_where_there_is_one() {
        let note = |can_change| Banner::password_expires(Duration::from_hours(1), can_change);
        assert_eq!(note(true).link.map(|link| link.href), Some(Link::to("account/password")));
        assert_eq!(note(false).link, None);
    }
}
