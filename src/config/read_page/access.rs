use std::ops::RangeInclusive;

use super::super::hints::{choose, shown};
use super::super::reader::{Fields, Ledger, Placed};
use super::super::tree::{Node, Value};
use crate::domain::{Access, Audience, GroupRef, UserRef};

/// What `factor` may be: a password alone, or a second factor with it.
const FACTORS: RangeInclusive<i64> = 1..=2;

/// `"public"`, `"signed-in"`, or `{ groups = […], users = […], factor = 2 }`: who may open a page, and whether it takes a second
/// factor.
pub(super) fn read_access(node: Node, ledger: &Ledger) -> Option<(Access, bool)> {
    match &node.value {
        Value::Text(word) => match word.as_str() {
            "public" => Some((Access::Public, false)),
            "signed-in" => Some((Access::SignedIn, false)),
            other => {
                let choice = choose(other, &["public", "signed-in"]);
                let help =
                    format!("{choice} (or name people: `access = {{ groups = [\"dash-ops\"], users = [\"alice\"] }}`)");
                ledger.note(&node.place, format!("`access` cannot be {}", shown(other)), help);
                None
            }
        },
        Value::Table(_) => {
            let mut fields = node.table("access", ledger)?;
            let place = fields.place.clone();
            let factor = fields.or("factor", None, |fields, key| fields.whole(key, FACTORS).map(Some));
            let named = ["groups", "users"].iter().any(|key| fields.key_place(key).is_some());
            let audience = read_audience(fields)?;
            let factor = factor?;
            if !named && factor.is_some() {
                return Some((Access::SignedIn, factor == Some(2)));
            }
            if audience == Audience::default() {
                let help = "name a group or a person, or write `access = \"signed-in\"` for every member";
                ledger.note(&place, "`access` names nobody, so nobody could open the page", help);
                return None;
            }
            Some((Access::Only(audience), factor == Some(2)))
        }
        other => {
            let message = format!("`access` must be text or a table, not {}", other.what());
            let help = "write \"public\", \"signed-in\", or `{ groups = [\"dash-ops\"], users = [\"alice\"] }`";
            ledger.note(&node.place, message, help);
            None
        }
    }
}

/// `groups` and `users`, either of which may be left out. `None` when something in them is wrong, so that a slip of the
/// pen never makes an audience smaller or larger than it was meant to be.
pub(in super::super) fn read_audience(mut fields: Fields<'_>) -> Option<Audience> {
    let groups = names(&mut fields, "groups");
    let users = names(&mut fields, "users");
    fields.finish();
    let (groups, users) = (groups?, users?);
    Some(Audience {
        groups: groups.iter().map(|group| GroupRef::parse(&group.value)).collect(),
        users: users.iter().map(|user| UserRef::parse(&user.value)).collect(),
    })
}

fn names(fields: &mut Fields<'_>, key: &'static str) -> Option<Vec<Placed<String>>> {
    let Some(node) = fields.take(key) else { return Some(Vec::new()) };
    let list = node.list(key, fields.ledger)?;
    let written = list.value.len();
    let names: Vec<_> = list.value.into_iter().filter_map(|item| item.text(key, fields.ledger)).collect();
    (names.len() == written).then_some(names)
}
