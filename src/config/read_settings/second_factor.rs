use std::time::Duration;

use super::super::reader::Fields;
use super::super::settings::SecondFactorSettings;
use crate::domain::GroupRef;

/// A second factor that counts for less than this would be asked for between two clicks.
const SHORTEST_REMEMBERED: Duration = Duration::from_mins(1);

/// One that counts for longer was shown by somebody who may have left the desk since.
const LONGEST_REMEMBERED: Duration = Duration::from_hours(24 * 30);

/// `[second_factor]`.
pub(super) fn read_second_factor(mut fields: Fields<'_>) -> Option<SecondFactorSettings> {
    let standard = SecondFactorSettings::default();
    let required = fields.or("required", standard.required, Fields::truth);
    let groups = fields.or("groups", Vec::new(), |fields, key| {
        let list = fields.list(key)?;
        let written = list.value.len();
        let ledger = fields.ledger;
        let groups: Vec<_> = list.value.into_iter().filter_map(|item| item.text(key, ledger)).collect();
        // A group that cannot be read must not be left out: its people would go without.
        (groups.len() == written).then(|| groups.iter().map(|group| GroupRef::parse(&group.value)).collect())
    });
    let remember = fields.or("remember", standard.remember, |fields, key| {
        fields.duration(key, SHORTEST_REMEMBERED..=LONGEST_REMEMBERED).map(|remember| remember.value)
    });
    fields.finish();
    Some(SecondFactorSettings { required: required?, groups: groups?, remember: remember? })
}
