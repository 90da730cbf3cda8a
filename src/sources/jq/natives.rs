//! Native filters in place of jaq's, or beside them: what jq's manual has otherwise, or what would repeat something of the answer.

use jaq_core::box_iter::box_once;
use jaq_core::native::{Fun, v};
use jaq_core::{Error, Exn, Native};
use jaq_json::{Map, Num, Rc, Val};
use jaq_std::ValT as _;

use super::meter::{Halt, Metered, to_bounded_string};
use super::text::JqText;

/// Bytes of a value written as JSON: far more than a panel shows, and written well within a run's time.
const MAX_JSON_BYTES: usize = 1024 * 1024;

/// The most steps of a path: as many as a value may be nested deep.
const MAX_PATH_STEPS: usize = 512;

/// The largest array that is made longer to have a place that a path names.
const MAX_PADDED_ENTRIES: usize = 100_000;

/// The names of filters that the rewritten syntax calls; no author can write them, since `!` is no letter to jq.
pub(super) const TO_TEXT: &str = "text!";
pub(super) const INDEX: &str = "index!";
pub(super) const INDEX_END: &str = "end!";

/// The filters: `now` from the clock that is passed in; `tojson` and texts, which stop when they grow too long, with numbers as jq
/// writes them; `fromjson`, which refuses deep nesting; `tonumber` and `toboolean`, which name themselves when they fail; paths; and
/// indexes, which may be numbers with fractions.
pub(super) fn natives() -> [Fun<Metered>; 10] {
    [
        (
            TO_TEXT,
            v(0),
            Native::new(|cv| match cv.1.as_bytes() {
                Some(_) => box_once(Ok(cv.1)),
                None => box_once(to_json(&cv.1)),
            }),
        ),
        ("tojson", v(0), Native::new(|cv| box_once(to_json(&cv.1)))),
        ("now", v(0), Native::new(|cv| box_once(Ok(Val::from(cv.0.data().budget.now()))))),
        (
            "fromjson",
            v(0),
            Native::new(|cv| {
                let parsed = cv.1.as_bytes().and_then(|text| serde_json::from_slice(text).ok());
                box_once(parsed.ok_or_else(|| fail("fromjson was given something that is not JSON")))
            }),
        ),
        (
            "tonumber",
            v(0),
            Native::new(|cv| {
                box_once(to_number(cv.1).ok_or_else(|| fail("tonumber was given something that is not a number")))
            }),
        ),
        (
            "toboolean",
            v(0),
            Native::new(|cv| {
                let value = match (&cv.1, cv.1.as_bytes()) {
                    (Val::Bool(value), _) => Some(*value),
                    (_, Some(b"true")) => Some(true),
                    (_, Some(b"false")) => Some(false),
                    _ => None,
                };
                box_once(
                    value.map(Val::Bool).ok_or_else(|| fail("toboolean was given something that is neither true nor false")),
                )
            }),
        ),
        (
            "setpath",
            v(2),
            Native::new(|mut cv| {
                let (value, path) = (cv.0.pop_var(), cv.0.pop_var());
                let steps = path_steps(&path, "setpath takes a path of at most 512 steps");
                box_once(steps.and_then(|steps| set_path(cv.1, steps, value).map_err(Exn::from)))
            }),
        ),
        (
            "delpaths",
            v(1),
            Native::new(|mut cv| {
                let paths = cv.0.pop_var();
                box_once(delete_paths(cv.1, &paths))
            }),
        ),
        (INDEX, v(0), Native::new(|cv| box_once(Ok(whole(cv.1, f64::floor))))),
        (INDEX_END, v(0), Native::new(|cv| box_once(Ok(whole(cv.1, f64::ceil))))),
    ]
}

fn fail<'a>(message: &str) -> Exn<'a, Val> {
    Exn::from(Error::str(message))
}

/// A value as its JSON. A value that refers to itself many times over is far larger written out than in memory.
fn to_json<'a>(value: &Val) -> Result<Val, Exn<'a, Val>> {
    let json = to_bounded_string(&JqText(value), MAX_JSON_BYTES);
    json.map(Val::from).ok_or_else(|| Exn::halt(Halt::Size as i32))
}

/// The number that a text is; also the words for numbers that JSON has not, as Prometheus writes them.
fn to_number(value: Val) -> Option<Val> {
    if let Val::Num(_) = value {
        return Some(value);
    }
    let text = std::str::from_utf8(value.as_bytes()?).ok()?.trim_ascii();
    match serde_json::from_str(text) {
        Ok(number @ Val::Num(_)) => Some(number),
        _ => text.parse().ok().map(|number: f64| Val::from(number)),
    }
}

/// A whole number in place of one with a fraction, as jq takes it for an index; anything else as it is.
fn whole(value: Val, round: fn(f64) -> f64) -> Val {
    let Val::Num(Num::Float(_) | Num::Dec(_)) = value else { return value };
    match value.as_f64().map(round) {
        #[expect(clippy::cast_possible_truncation, reason = "it is within the range of whole numbers")]
        Some(number) if number.abs() < 1e15 => Val::from(number as isize),
        _ => value,
    }
}

fn path_steps<'a, 'v>(path: &'v Val, too_long: &str) -> Result<&'v [Val], Exn<'a, Val>> {
    match path {
        Val::Arr(steps) if steps.len() <= MAX_PATH_STEPS => Ok(steps),
        Val::Arr(_) => Err(fail(too_long)),
        other => Err(Exn::from(Error::typ(other.clone(), "array"))),
    }
}

/// The value with `new` at the end of the path. What is not there is made, as far as it is `null`.
fn set_path(value: Val, path: &[Val], new: Val) -> Result<Val, Error<Val>> {
    let Some((step, rest)) = path.split_first() else { return Ok(new) };
    let step = whole(step.clone(), f64::floor);
    match (value, &step) {
        (Val::Null, Val::TStr(_)) => set_in_object(Rc::new(Map::default()), step, rest, new),
        (Val::Obj(fields), Val::TStr(_)) => set_in_object(fields, step, rest, new),
        (Val::Null, Val::Num(_)) => set_in_array(Rc::new(Vec::new()), &step, rest, new),
        (Val::Arr(entries), Val::Num(_)) => set_in_array(entries, &step, rest, new),
        (value, _) => Err(Error::index(value, step)),
    }
}

fn set_in_object(mut fields: Rc<Map>, key: Val, rest: &[Val], new: Val) -> Result<Val, Error<Val>> {
    let slot = Rc::make_mut(&mut fields).entry(key).or_default();
    *slot = set_path(std::mem::take(slot), rest, new)?;
    Ok(Val::Obj(fields))
}

fn set_in_array(mut entries: Rc<Vec<Val>>, index: &Val, rest: &[Val], new: Val) -> Result<Val, Error<Val>> {
    let place = place_in(&entries, index).filter(|place| *place < MAX_PADDED_ENTRIES.max(entries.len()));
    let place = place.ok_or_else(|| Error::str("setpath was given an index out of bounds"))?;
    let list = Rc::make_mut(&mut entries);
    if place >= list.len() {
        list.resize(place + 1, Val::Null);
    }
    list[place] = set_path(std::mem::take(&mut list[place]), rest, new)?;
    Ok(Val::Arr(entries))
}

/// The place that an index names: a negative one counts from the end.
fn place_in(entries: &[Val], index: &Val) -> Option<usize> {
    let index = index.as_isize()?;
    usize::try_from(index).ok().or_else(|| entries.len().checked_sub(index.unsigned_abs()))
}

/// The value without what is at the ends of these paths, the last ones first, so that none shifts another.
fn delete_paths<'a>(value: Val, paths: &Val) -> Result<Val, Exn<'a, Val>> {
    let Val::Arr(paths) = paths else { return Err(Exn::from(Error::typ(paths.clone(), "array"))) };
    let mut paths: Vec<&Val> = paths.iter().collect();
    paths.sort();
    paths
        .into_iter()
        .rev()
        .try_fold(value, |value, path| Ok(delete_path(value, path_steps(path, "delpaths takes paths of at most 512 steps")?)?))
}

fn delete_path(value: Val, path: &[Val]) -> Result<Val, Error<Val>> {
    let Some((step, rest)) = path.split_first() else { return Ok(Val::Null) };
    let step = whole(step.clone(), f64::floor);
    match (value, &step) {
        (Val::Null, _) => Ok(Val::Null),
        (Val::Obj(mut fields), Val::TStr(_)) => {
            let map = Rc::make_mut(&mut fields);
            if rest.is_empty() {
                map.shift_remove(&step);
            } else if let Some(slot) = map.get_mut(&step) {
                *slot = delete_path(std::mem::take(slot), rest)?;
            }
            Ok(Val::Obj(fields))
        }
        (Val::Arr(mut entries), Val::Num(_)) => {
            if let Some(place) = place_in(&entries, &step).filter(|place| *place < entries.len()) {
                let list = Rc::make_mut(&mut entries);
                if rest.is_empty() {
                    list.remove(place);
                } else {
                    list[place] = delete_path(std::mem::take(&mut list[place]), rest)?;
                }
            }
            Ok(Val::Arr(entries))
        }
        (value, _) => Err(Error::index(value, step)),
    }
}
