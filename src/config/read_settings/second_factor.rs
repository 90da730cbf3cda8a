use std::time::Duration;

use super::super::reader::Fields;
use super::super::settings::SecondFactorSettings;
use crate::domain::GroupRef;

/// The shortest time that a factor counts: for less, it would be asked for between two clicks.
const MIN_REMEMBERED: Duration = Duration::from_mins(1);

/// The longest time that a factor counts; longer, and its owner may have left the desk since.
const MAX_REMEMBERED: Duration = Duration::from_hours(24 * 30);

/// Reads `[second_factor]`.
pub(super) fn read_second_factor(mut fields: Fields<'_>) -> Option<SecondFactorSettings> {
    let defaults = SecondFactorSettings::default();
    let required = fields.optional("required", defaults.required, Fields::boolean);
    let groups = fields.optional("groups", Vec::new(), |fields, key| {
        let list = fields.array(key)?;
        let count = list.value.len();
        let sink = fields.sink;
        let groups: Vec<_> = list.value.into_iter().filter_map(|item| item.into_string(key, sink)).collect();
        // A group that cannot be read must not be left out: its people would go without.
        (groups.len() == count).then(|| groups.iter().map(|group| GroupRef::parse(&group.value)).collect())
    });
    let remember = fields.optional("remember", defaults.remember, |fields, key| {
        fields.duration(key, MIN_REMEMBERED..=MAX_REMEMBERED).map(|remember| remember.value)
    });
    fields.finish();
    Some(SecondFactorSettings { required: required?, groups: groups?, remember: remember? })
}
