use super::reader::Fields;
use crate::domain::Audience;

/// `groups` and `users`, either of which may be left out. `None` when something in them is wrong, so that a slip of the
/// pen never makes an audience smaller or larger than it was meant to be.
pub(crate) fn read_audience(mut fields: Fields<'_>) -> Option<Audience> {
    let groups = fields.optional("groups", Vec::new(), Fields::parsed_list);
    let users = fields.optional("users", Vec::new(), Fields::parsed_list);
    fields.finish();
    Some(Audience { groups: groups?, users: users? })
}
