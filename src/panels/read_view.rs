//! Views from their JSON, as another node has encoded it.

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::registry::PANEL_KINDS;
use super::view::PanelView;

impl<'de> Deserialize<'de> for PanelView {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Value::deserialize(deserializer)?;
        let word = json.get("kind").and_then(Value::as_str).unwrap_or_default();
        let kind = PANEL_KINDS.iter().find(|kind| kind.word == word);
        let kind = kind.ok_or_else(|| D::Error::custom(format_args!("there is no kind of panel '{word}'")))?;
        Ok(Self::new(kind.word, (kind.read_view)(json).map_err(D::Error::custom)?))
    }
}
