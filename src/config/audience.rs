use super::reader::{Fields, Located};
use crate::domain::{Audience, GroupRef, UserRef};

/// `groups` and `users`, either of which may be left out. `None` when something in them is wrong, so that a slip of the
/// pen never makes an audience smaller or larger than it was meant to be.
pub(crate) fn read_audience(mut fields: Fields<'_>) -> Option<Audience> {
    let groups = names(&mut fields, "groups");
    let users = names(&mut fields, "users");
    fields.finish();
    let (groups, users) = (groups?, users?);
    Some(Audience {
        groups: groups.iter().map(|group| GroupRef::parse(&group.value)).collect(),
        users: users.iter().map(|user| UserRef::parse(&user.value)).collect(),
    })
}

fn names(fields: &mut Fields<'_>, key: &'static str) -> Option<Vec<Located<String>>> {
    let Some(node) = fields.take(key) else { return Some(Vec::new()) };
    let list = node.into_array(key, fields.sink)?;
    let count = list.value.len();
    let names: Vec<_> = list.value.into_iter().filter_map(|item| item.into_string(key, fields.sink)).collect();
    (names.len() == count).then_some(names)
}
