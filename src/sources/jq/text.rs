use std::fmt::{self, Display, Formatter};

use jaq_json::{Num, Val};
use jaq_std::ValT as _;

/// What jq writes for numbers beyond all others.
const LARGEST: &str = "1.7976931348623157e+308";
const SMALLEST: &str = "-1.7976931348623157e+308";

/// The largest whole numbers that jq writes out.
const MAX_WRITTEN_OUT: f64 = 1e17;

/// A value's JSON as jq writes it: a whole number has no fraction, however it was computed, and a number that JSON has not is `null`.
pub(super) struct JqText<'a>(pub(super) &'a Val);

impl Display for JqText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Val::Num(Num::Float(_) | Num::Dec(_)) => write_number(self.0, f),
            Val::Arr(entries) => {
                f.write_str("[")?;
                for (place, entry) in entries.iter().enumerate() {
                    f.write_str(if place == 0 { "" } else { "," })?;
                    Self(entry).fmt(f)?;
                }
                f.write_str("]")
            }
            Val::Obj(fields) => {
                f.write_str("{")?;
                for (place, (key, value)) in fields.iter().enumerate() {
                    f.write_str(if place == 0 { "" } else { "," })?;
                    key.fmt(f)?;
                    f.write_str(":")?;
                    Self(value).fmt(f)?;
                }
                f.write_str("}")
            }
            other => other.fmt(f),
        }
    }
}

fn write_number(value: &Val, f: &mut Formatter<'_>) -> fmt::Result {
    match value.as_f64() {
        Some(number) if number.is_nan() => f.write_str("null"),
        Some(number) if number.is_infinite() => f.write_str(if number > 0.0 { LARGEST } else { SMALLEST }),
        Some(number) if number.fract() == 0.0 && number.abs() < MAX_WRITTEN_OUT => write!(f, "{number:.0}"),
        _ => value.fmt(f),
    }
}
