use std::ops::RangeInclusive;

use crate::config::{ConfigNode, ConfigValue, DiagnosticSink, quote, read_audience, suggest};
use crate::domain::{Access, Audience};

/// The range of `factor`: a password alone, or a second factor with it.
const FACTORS: RangeInclusive<i64> = 1..=2;

/// `"public"`, `"signed-in"`, or `{ groups = […], users = […], factor = 2 }`: who may open a page, and whether it takes
/// a second factor.
pub(super) fn read_access(node: ConfigNode, sink: &DiagnosticSink) -> Option<(Access, bool)> {
    match &node.value {
        ConfigValue::String(word) => match word.as_str() {
            "public" => Some((Access::Public, false)),
            "signed-in" => Some((Access::SignedIn, false)),
            other => {
                let choice = suggest(other, &["public", "signed-in"]);
                let help = format!("{choice} (or name people: `access = {{ groups = [\"dash-ops\"], users = [\"alice\"] }}`)");
                sink.report(&node.location, format!("`access` cannot be {}", quote(other)), help);
                None
            }
        },
        ConfigValue::Table(_) => {
            let mut fields = node.into_table("access", sink)?;
            let location = fields.location.clone();
            let factor = fields.optional("factor", None, |fields, key| fields.integer(key, FACTORS).map(Some));
            let named = ["groups", "users"].iter().any(|key| fields.key_location(key).is_some());
            let audience = read_audience(fields)?;
            let factor = factor?;
            if !named && factor.is_some() {
                return Some((Access::SignedIn, factor == Some(2)));
            }
            if audience == Audience::default() {
                let help = "name a group or a person, or write `access = \"signed-in\"` for every member";
                sink.report(&location, "`access` names nobody, so nobody could open the page", help);
                return None;
            }
            Some((Access::Only(audience), factor == Some(2)))
        }
        other => {
            let message = format!("`access` must be text or a table, not {}", other.type_name());
            let help = "write \"public\", \"signed-in\", or `{ groups = [\"dash-ops\"], users = [\"alice\"] }`";
            sink.report(&node.location, message, help);
            None
        }
    }
}
